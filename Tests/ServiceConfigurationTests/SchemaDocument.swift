import Foundation

/// A JSON Schema, as far as its keys go.
struct SchemaDocument {
    private let definitions: [String: [String: Any]]
    private var nodes: [String: [String: Any]] = [:]

    init(contentsOf file: URL) throws {
        let root = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
        definitions = root["$defs"] as? [String: [String: Any]] ?? [:]
        collect(root, at: "")
    }

    /// `tenants[].keys`, `identity_providers[].token.claims.*.from`, …
    var keys: Set<String> { Set(nodes.keys.filter { !$0.isEmpty && !$0.hasSuffix("[]") && !$0.hasSuffix("*") }) }

    func description(of key: String) -> String { nodes[key]?["description"] as? String ?? "" }

    func refusesOtherKeys(at path: String) -> Bool { nodes[path]?["additionalProperties"] as? Bool == false }

    func bounds(of key: String) -> (Int, Int)? {
        guard let lowest = nodes[key]?["minimum"] as? Int, let highest = nodes[key]?["maximum"] as? Int else {
            return nil
        }
        return (lowest, highest)
    }

    private mutating func collect(_ node: [String: Any], at path: String) {
        let node = resolved(node)
        nodes[path] = node
        for (name, property) in node["properties"] as? [String: [String: Any]] ?? [:] {
            collect(property, at: path.isEmpty ? name : path + "." + name)
        }
        if let items = node["items"] as? [String: Any] { collect(items, at: path + "[]") }
        if let others = node["additionalProperties"] as? [String: Any] { collect(others, at: path + ".*") }
    }

    /// What stands beside a reference comes before what it refers to.
    private func resolved(_ node: [String: Any]) -> [String: Any] {
        guard let reference = node["$ref"] as? String else { return node }
        return (definitions[String(reference.dropFirst("#/$defs/".count))] ?? [:]).merging(node) { $1 }
    }
}
