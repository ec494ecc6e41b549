/// Decides under which name and which key the token of an internal service waits for its owner's next login.
///
/// The next login comes with another identity token, so the key cannot come from that one: it is derived from a secret of
/// the service, which all replicas share, and from whose token it is. A dump of the store without that secret is worthless.
package struct UpstreamVault: Sendable {
    private static let version: UInt8 = 1

    private let sealer: any RecordSealer
    private let secret: [UInt8]

    package init(sealer: any RecordSealer, secret: [UInt8]) {
        self.sealer = sealer
        self.secret = secret
    }

    /// Name and key of one owner's token.
    struct Slot: Sendable, Redacted {
        let key: RecordKey
        fileprivate let sealingKey: DerivedKey
    }

    func slot(for owner: UpstreamTokenOwner) -> Slot {
        let own = sealer.derive("countersign upstream v1\0", from: secret, context: owner.text)
        let name = sealer.derive("countersign upstream name v1\0", from: own.bytes, context: []).bytes
        return Slot(
            key: RecordKey(digest: name, in: Partition(digest: name)),
            sealingKey: sealer.derive("countersign upstream seal v1\0", from: own.bytes, context: []))
    }

    func seal(_ token: HeldUpstreamToken, in slot: Slot) -> [UInt8] {
        let text = JSONValue.array([
            .number(literal: String(token.expiresAt)),
            .string(ExactText(bytes: token.externalIdentity.bytes)),
        ]).text
        return sealer.seal(text, version: Self.version, under: slot.sealingKey).bytes
    }

    /// Nil for anything but a record of this very slot.
    func open(_ record: [UInt8], in slot: Slot) -> HeldUpstreamToken? {
        guard
            let text = try? sealer.open(SealedRecord(bytes: record), version: Self.version, under: slot.sealingKey),
            case .array(let values) = try? JSONValue(parsing: text), values.count == 2,
            let expiresAt = values[0].integer, UnixTime(storedSeconds: expiresAt) != nil,
            let token = values[1].string
        else { return nil }
        return HeldUpstreamToken(externalIdentity: ExternalIdentity(bytes: token.bytes), expiresAt: expiresAt)
    }

    func fence() -> [UInt8] { sealer.randomBytes(16) }
}

/// Whose token it is, and of which service.
package struct UpstreamTokenOwner: Sendable, Redacted {
    package let tenant: ExactText
    package let subject: ExactText
    /// Empty where none was named: all such logins share one.
    package let device: ExactText
    package let provider: ExactText
    /// Another service's token would not do.
    package let url: ExactText

    package init(tenant: ExactText, subject: ExactText, device: ExactText, provider: ExactText, url: ExactText) {
        self.tenant = tenant
        self.subject = subject
        self.device = device
        self.provider = provider
        self.url = url
    }

    /// Unambiguous, whatever characters a subject or device has.
    var text: [UInt8] { JSONValue.array([tenant, subject, device, provider, url].map { .string($0) }).text }
}

/// A token of an internal service, and until when it may be handed out.
package struct HeldUpstreamToken: Sendable, Redacted {
    package let externalIdentity: ExternalIdentity
    /// Unix time, whole seconds.
    package let expiresAt: Int64
}
