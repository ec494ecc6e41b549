import Yams

/// A mapping whose keys this version defines. It remembers the keys that it was asked for; all others are unknown.
final class MappingReader {
    /// The mapping as a value, for reports about the whole.
    let place: NodeReader
    let entries: [(name: String, value: Node)]
    private let keys: [Node]
    private var asked: [String] = []

    /// Reports keys that are not strings.
    init(_ mapping: Node.Mapping, at place: NodeReader) {
        self.place = place
        let named = mapping.filter { Self.isName($0.key, at: place) }
        entries = named.map { ($0.key.scalar?.string ?? "", $0.value) }
        keys = named.map(\.key)
    }

    /// Keys are strings; anything else is reported here.
    private static func isName(_ key: Node, at place: NodeReader) -> Bool {
        if case .scalar = key, [.str, .timestamp, .value].contains(key.tagName) { return true }
        let reader = NodeReader(node: key, trail: place.trail, pass: place.pass, isConfidential: place.isConfidential)
        if key.tagName == .merge {
            reader.report(expected: "keys", found: "a merge (`<<`)", remedy: "Write the keys out.")
        } else {
            reader.report(expected: "a key that is a string", remedy: "Put it in quotes.")
        }
        return false
    }

    // MARK: Asking

    /// The value of a key that this version knows; nil if the file has none.
    func reader(_ key: String) -> NodeReader? {
        place.pass.know(place.trail.key(key))
        asked.append(key)
        let reader = value(key)
        if let reader { place.pass.locate(reader.trail, line: reader.line) }
        return reader
    }

    /// Nil if the file has no such key, or if its value cannot be read.
    func optional<Value>(_ key: String, _ read: (NodeReader) -> Value?) -> Value? {
        reader(key).flatMap(read)
    }

    /// Nil, and reported, if the file has no such key or its value cannot be read.
    func required<Value>(_ key: String, _ read: (NodeReader) -> Value?) -> Value? {
        guard let reader = reader(key) else {
            missing(key)
            return nil
        }
        return read(reader)
    }

    /// The default is also used for a value that cannot be read; the file is refused anyway.
    func value<Value>(_ key: String, default value: Value, _ read: (NodeReader) -> Value?) -> Value {
        optional(key, read) ?? value
    }

    /// A mapping that may be absent. It is then read as an empty one, so that defaults are in one place.
    func section<Value>(_ key: String, _ read: (MappingReader) -> Value?) -> Value? {
        let empty = NodeReader(
            node: .mapping(.init([], .implicit, .any, place.node.mark)), trail: place.trail.key(key), pass: place.pass)
        return (reader(key) ?? empty).mapping(read)
    }

    /// Reads exactly one of several keys; reports if there is none, or more than one.
    func exactlyOne<Value>(_ alternatives: KeyValuePairs<String, (NodeReader) -> Value?>) -> Value? {
        let present = alternatives.compactMap { key, read in reader(key).map { (key, $0, read) } }
        if present.count == 1 { return present[0].2(present[0].1) }
        let names = alternatives.map { "`\($0.key)`" }.joined(separator: ", ")
        let found = present.map { "`\($0.0)`" }.joined(separator: " and ")
        place.report(expected: "exactly one of \(names)", found: present.isEmpty ? "none of them" : found)
        return nil
    }

    // MARK: Reporting

    /// Reports that a key is missing.
    func missing(_ key: String, remedy: String? = nil) {
        at(key, place.node).report(expected: "a value", found: "no such key", remedy: remedy)
    }

    /// Reports every key that has not been asked for.
    func reportUnknownKeys() {
        for (key, entry) in zip(keys, entries) where !asked.contains(entry.name) {
            if place.isConfidential {
                at(nil, key).report(
                    expected: "no other keys than \(asked.joined(separator: ", "))", found: "another one")
            } else {
                let remedy = KnownNames(asked).remedy(for: entry.name, plural: "keys")
                at(entry.name, key).report(expected: "a known key", found: excerpt(of: entry.name), remedy: remedy)
            }
        }
    }

    private func value(_ key: String) -> NodeReader? {
        entries.first { $0.name == key }.map { at(key, $0.value) }
    }

    private func at(_ key: String?, _ node: Node) -> NodeReader {
        NodeReader(
            node: node, trail: key.map(place.trail.key) ?? place.trail, pass: place.pass,
            isConfidential: place.isConfidential)
    }
}

extension MappingReader {
    /// The `name` of each element of a list, without reporting anything.
    ///
    /// Includes elements with other faults, so that a reference to one of them is not reported as well.
    func names(in key: String) -> [String] {
        guard let elements = entries.first(where: { $0.name == key })?.value.sequence else { return [] }
        return elements.compactMap { $0.mapping?["name"]?.scalar?.string }
    }

    /// Whether an entry of a mapping has this key, without reporting anything.
    func hasEntry(in mapping: String, with key: String) -> Bool {
        let entries = entries.first { $0.name == mapping }?.value.mapping
        return entries?.contains { $0.value.mapping?[key] != nil } ?? false
    }
}
