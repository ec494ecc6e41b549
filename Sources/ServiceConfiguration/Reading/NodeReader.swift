import Yams

/// One value of the file, and its position.
///
/// A reading function that returns nil has reported what is wrong; the caller must not report it again.
struct NodeReader {
    let node: Node
    let trail: KeyTrail
    let pass: ReadingPass
    /// Whether messages must not show what the file says here.
    var isConfidential = false

    /// Counted from 1; 0 if it is not known.
    var line: Int { node.mark?.line ?? 0 }

    /// Its position, for messages.
    var place: ConfigurationPlace {
        ConfigurationPlace(file: pass.file, line: node.mark?.line, keyPath: trail.path)
    }

    /// Whether it is a sequence, as YAML calls it.
    var isList: Bool { node.sequence != nil }

    /// Whether it has keys.
    var isMapping: Bool { node.mapping != nil }

    /// The text of a scalar of any type; nil for a list or a mapping.
    var text: String? { node.scalar?.string }

    /// Reports a problem at this value.
    func report(_ complaint: Complaint) {
        pass.report(complaint.message, at: trail, place: node.mark.map(ReadingPass.Place.init))
    }

    /// Reports a problem at this value.
    /// - Parameter found: what the message says about the value; by default its type and text.
    func report(expected: String, found: String? = nil, remedy: String? = nil) {
        report(Complaint(expected: expected, found: found ?? summary, remedy: remedy))
    }

    /// The value as messages show it.
    var summary: String {
        switch node {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        case .scalar where isConfidential: "an inline value"
        case .scalar(let scalar): scalarSummary(scalar)
        }
    }

    private func scalarSummary(_ scalar: Node.Scalar) -> String {
        switch node.tagName {
        case .null: "nothing"
        case .int, .float: "the number \(scalar.string.prefix(80))"
        case .bool: "the boolean \(scalar.string)"
        case .str, .timestamp, .value, .merge:
            scalar.string.mayHoldCredentials ? "a value that may hold credentials" : excerpt(of: scalar.string)
        default: "a value tagged \(excerpt(of: node.tag.rawValue))"
        }
    }
}

extension NodeReader {
    /// Hands a mapping to `read`, then reports every key that `read` did not ask for.
    func mapping<Value>(_ read: (MappingReader) -> Value?) -> Value? {
        guard case .mapping(let mapping) = node else {
            report(expected: "a mapping")
            return nil
        }
        let reader = MappingReader(mapping, at: self)
        let value = read(reader)
        reader.reportUnknownKeys()
        return value
    }

    /// A mapping whose keys the author of the file chooses. Entries that cannot be read are left out.
    func entries<Value>(_ read: (_ name: String, NodeReader) -> Value?) -> [Value]? {
        guard case .mapping(let mapping) = node else {
            report(expected: "a mapping")
            return nil
        }
        return MappingReader(mapping, at: self).entries.compactMap { name, value in
            let reader = NodeReader(node: value, trail: trail.entry(name), pass: pass)
            pass.locate(reader.trail, line: reader.line)
            return read(name, reader)
        }
    }

    /// Elements that cannot be read are left out.
    func list<Element>(atLeast minimum: Int = 0, _ read: (NodeReader) -> Element?) -> [Element]? {
        guard case .sequence(let sequence) = node else {
            report(expected: "a list")
            return nil
        }
        if sequence.count < minimum {
            report(expected: "a list with at least \(minimum) element\(minimum == 1 ? "" : "s")", found: "an empty one")
        }
        return sequence.enumerated().compactMap { index, element in
            let reader = NodeReader(node: element, trail: trail.index(index), pass: pass)
            pass.locate(reader.trail, line: reader.line)
            return read(reader)
        }
    }
}

extension ReadingPass.Place {
    /// A position of the YAML parser.
    init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }
}

extension Node {
    /// What the value is by YAML's rules; resolved for plain scalars.
    var tagName: Tag.Name { Tag.Name(rawValue: tag.rawValue) }
}

extension String {
    /// Whether it may be `scheme://user:password@host`, complete or mistyped.
    fileprivate var mayHoldCredentials: Bool { contains(":") && contains("@") }
}
