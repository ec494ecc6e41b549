import Yams

/// What a configuration file says, key by key, to tell what has changed between two readings. Names leave it, values do
/// not.
package struct ConfigurationContents: Sendable {
    /// Values as they are written, by path.
    private var values: [String: String] = [:]

    init(_ root: Node) {
        add(root, at: "")
    }

    /// The paths of all keys that were added, removed or changed, sorted: `identity_providers[vip-loyalty].deadline`. An
    /// element of a list goes by its name or id, or by its number if it has none.
    package func keysChanged(since old: ConfigurationContents) -> [String] {
        Set(values.keys).union(old.values.keys).filter { values[$0] != old.values[$0] }.sorted()
    }

    private mutating func add(_ node: Node, at path: String) {
        switch node {
        case .mapping(let pairs) where !pairs.isEmpty:
            for (key, value) in pairs {
                add(value, at: (path.isEmpty ? "" : path + ".") + (key.scalar?.string ?? "?"))
            }
        case .sequence(let elements) where !elements.isEmpty:
            for (index, element) in elements.enumerated() {
                let name = (element.mapping?["name"] ?? element.mapping?["id"])?.scalar?.string
                add(element, at: "\(path)[\(name ?? String(index))]")
            }
        case .mapping, .sequence, .alias: values[path] = "empty"
        case .scalar(let scalar): values[path] = "\(node.tag.rawValue) \(scalar.string)"
        }
    }
}
