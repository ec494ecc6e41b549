import JOSE
import TokenExchange

extension SigningKeyChange {
    /// What happened to a key, for people.
    var sentence: String {
        switch self {
        case .published(let key): "\(key.title) is published; it may sign from \(key.maySignFrom.shortText) on"
        case .activated(let key):
            "\(key.title) is active"
                + (key.maySignFrom > key.since
                    ? "; verifiers may hold a JWK set without it until \(key.maySignFrom.shortText)" : "")
        case .retiring(let key):
            "\(key.title) is retiring; its tokens expire by \(key.tokensDieBy?.shortText ?? "now")"
        case .removed(let key, isWithdrawn: false):
            "\(key.title) is gone: its tokens have expired, its file is deleted"
        case .removed(let key, isWithdrawn: true):
            "\(key.title) is out of the JWK set; its file is kept as \(key.fileName).removed"
        case .revoked(let key):
            "\(key.title) is revoked: its tokens are dead, its file is kept as \(key.fileName).removed"
        case .passedOver(let key, let problem):
            "\(key.title) cannot take over: \(problem). Repair it or revoke it: until then services keep the keys they have"
        case .notReplaced(let key, let problem):
            "No \(key.algorithm.rawValue) key signs now, and none could be made: \(problem). Repair that, and make one with: "
                + "countersign keys generate --algorithm \(key.algorithm.rawValue)"
        }
    }

    /// Whether an operator has to finish it by hand.
    var isUnfinished: Bool {
        if case .notReplaced = self { true } else { false }
    }
}

extension SigningKeyStep {
    /// What it does, to follow "Would" or "Next:".
    var clause: String {
        switch self {
        case .generate(let algorithm): "make an \(algorithm.rawValue) key"
        case .activate(let keyID): "have \(keyID) sign"
        case .retire(let keyID): "remove \(keyID), whose tokens have expired"
        }
    }
}

extension SigningKeyRecord {
    /// `ES256 key <kid>`.
    var title: String { "\(algorithm.rawValue) key \(keyID)" }

    /// Cells of the table that `keys list` prints.
    var listRow: [String] {
        [
            keyID.description, algorithm.rawValue, state.rawValue + (isForced ? " (forced)" : ""), since.shortText,
            isWithdrawnOrRevoked ? "never" : maySignFrom.shortText, tokensDieBy?.shortText ?? "-",
        ]
    }

    /// An element of the list that `keys list --json` prints. Its names are an interface.
    var listValue: JSONValue {
        .object([
            .init("kid", .string(keyID)), .init("algorithm", .string(algorithm.rawValue)),
            .init("state", .string(state.rawValue)), .init("since", .string(since.text)),
            .init("may_sign_from", .string(maySignFrom.text)),
            .init("tokens_die_by", tokensDieBy.map { .string($0.text) } ?? .null), .init("forced", .bool(isForced)),
            .init("file", .string(fileName)),
        ])
    }
}

/// A table as text: columns as wide as their widest cell, with two spaces between them.
struct TextTable {
    let text: String

    /// - Parameter body: rows with as many cells as the head.
    init(_ head: [String], _ body: [[String]]) {
        let rows = [head] + body
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        text = rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
                .trimmingSuffix { $0 == " " }
        }.joined(separator: "\n")
    }
}

extension String {
    /// Without the longest end that consists of such characters.
    func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        String(self[..<(lastIndex { !predicate($0) }.map(index(after:)) ?? startIndex)])
    }
}
