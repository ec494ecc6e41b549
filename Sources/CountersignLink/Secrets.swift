/// The token that Countersign answered at login. Whoever has it passes for the associate, so nothing prints it: ask for
/// its ``value`` where it is sent.
public struct ExternalIdentity: Sendable, Hashable {
    public let value: String

    init(_ value: String) {
        self.value = value
    }
}

/// The token by which the Associate App knows its own link again. Nothing prints it.
public struct SecurityToken: Sendable, Hashable {
    public let value: String

    init(_ value: String) {
        self.value = value
    }
}

extension ExternalIdentity: CustomStringConvertible, CustomReflectable {
    public var description: String { "(external identity)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension SecurityToken: CustomStringConvertible, CustomReflectable {
    public var description: String { "(security token)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
