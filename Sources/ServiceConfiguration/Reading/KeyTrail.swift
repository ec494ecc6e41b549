/// The position of a value in the document: the keys and indices that lead to it.
struct KeyTrail {
    private enum Step {
        case key(String)
        /// A key that the author of the file chose, such as the name of a claim.
        case entry(String)
        case index(Int)
    }

    private let steps: [Step]

    static let root = KeyTrail(steps: [])

    private init(steps: [Step]) {
        self.steps = steps
    }

    /// Down to a key that this version defines.
    func key(_ name: String) -> KeyTrail { KeyTrail(steps: steps + [.key(name)]) }
    /// Down to a key that the author of the file chose.
    func entry(_ name: String) -> KeyTrail { KeyTrail(steps: steps + [.entry(name)]) }
    /// Down to an element of a list.
    func index(_ index: Int) -> KeyTrail { KeyTrail(steps: steps + [.index(index)]) }

    /// For people: `identity_providers[0].token.claims.email`.
    var path: String {
        text(entry: Self.quoted, index: { "[\($0)]" })
    }

    /// The same for every file: `identity_providers[].token.claims.*`.
    var pattern: String {
        text(entry: { _ in "*" }, index: { _ in "[]" })
    }

    private func text(entry: (String) -> String, index: (Int) -> String) -> String {
        steps.reduce(into: "") { text, step in
            switch step {
            case .key(let name): text += (text.isEmpty ? "" : ".") + Self.quoted(name)
            case .entry(let name): text += (text.isEmpty ? "" : ".") + entry(name)
            case .index(let number): text += index(number)
            }
        }
    }

    private static func quoted(_ name: String) -> String {
        let isPlain = !name.isEmpty && name.utf8.allSatisfy { $0.isASCIIWordByte || $0 == UInt8(ascii: "-") }
        return isPlain ? name : excerpt(of: name)
    }
}
