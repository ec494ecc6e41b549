/// The keys of one issuer at one moment, and the rule for which of them a token may use.
///
/// * With a `kid`: the keys of exactly that `kid`, or if there are none, all keys without one (PEM). In both cases only
///   keys for the token's algorithm.
/// * Without a `kid`: the only key for the algorithm. If there are two, neither is used (RFC 8725 §3.10: no guessing).
package struct IssuerKeySet: IssuerKeySource {
    private let named: [Selector: [any TokenVerifier]]
    private let unnamed: [SignatureAlgorithm: [any TokenVerifier]]
    private let all: [SignatureAlgorithm: [any TokenVerifier]]

    private struct Selector: Hashable {
        let keyID: ExactText
        let algorithm: SignatureAlgorithm
    }

    /// - Parameter verifiers: one for each key and algorithm.
    package init(_ verifiers: [any TokenVerifier]) {
        named = Dictionary(grouping: verifiers.filter { $0.keyID != nil }) {
            Selector(keyID: $0.keyID ?? "", algorithm: $0.algorithm)
        }
        unnamed = Dictionary(grouping: verifiers.filter { $0.keyID == nil }, by: \.algorithm)
        all = Dictionary(grouping: verifiers, by: \.algorithm)
    }

    /// The keys that may have signed a token; none if it could be several and the token names none.
    package func verifiers(for query: IssuerKeyQuery) -> [any TokenVerifier] {
        let fitting =
            if let keyID = query.keyID {
                named[Selector(keyID: keyID, algorithm: query.algorithm)] ?? unnamed[query.algorithm] ?? []
            } else {
                isAmbiguous(query) ? [] : all[query.algorithm] ?? []
            }
        return query.rejected.isEmpty ? fitting : fitting.filter { !query.rejected.contains($0.thumbprint) }
    }

    /// Never nil: nothing has to be fetched.
    package func presentVerifiers(for query: IssuerKeyQuery) -> [any TokenVerifier]? { verifiers(for: query) }

    /// Whether the query names no key although several would fit.
    package func isAmbiguous(_ query: IssuerKeyQuery) -> Bool {
        query.keyID == nil && all[query.algorithm, default: []].count > 1
    }
}
