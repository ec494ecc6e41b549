import Logging
package import TokenExchange

/// What an operator should hear of a fetch. One line per change, none per attempt.
package enum IssuerKeyEvent: Equatable, Sendable {
    /// - Parameter skipped: each key that is not used, and why.
    case changed(added: Int, removed: Int, skipped: [String])
    /// The issuer gave an old `kid` to a new key, which RFC 7517 §4.5 does not expect: a mistake, or worse.
    case keyReplaced(keyID: ExactText)
    case failing(cause: String)
    /// The last good set is older than `maximum_age`; or the issuer has withdrawn every usable key.
    case noKeysLeft(cause: String)
    case recovered
}

extension Logger {
    /// At a level by how soon somebody must act.
    func log(_ event: IssuerKeyEvent) {
        switch event {
        case .changed(let added, let removed, let skipped):
            notice(
                "issuer keys changed",
                metadata: [
                    "added": .stringConvertible(added), "removed": .stringConvertible(removed),
                    "skipped": .string(skipped.listed),
                ])
        case .keyReplaced(let keyID):
            error("the issuer gave an old kid to a new key", metadata: ["kid": .string(String(keyID))])
        case .failing(let cause):
            warning("issuer keys cannot be fetched", metadata: ["cause": .string(cause)])
        case .noKeysLeft(let cause):
            error("no usable issuer keys left", metadata: ["cause": .string(cause)])
        case .recovered:
            notice("issuer keys fetched again")
        }
    }
}

extension [String] {
    /// A line for people: what comes first, and how many more there are.
    var listed: String {
        let shown = prefix(10).joined(separator: ", ")
        return count > 10 ? "\(shown) and \(count - 10) more" : shown
    }
}
