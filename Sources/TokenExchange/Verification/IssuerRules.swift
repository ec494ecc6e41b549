extension VerifyIdentityToken {
    static let otherAlgorithm = "Have the issuer sign with one of the tenant's algorithms, or list its algorithm."

    /// The rules about issuer, key and signature.
    static let issuerRules = [
        VerificationRule(
            name: "issuer", refusals: [.issuerUnknown],
            expected: { "the issuer of a tenant: \(ExplainedToken.list($0.tenants.map(\.name)))" }, found: \.issuer,
            remedy: "Compare tenants[].issuer with the token's iss byte for byte, trailing slash included."),
        VerificationRule(
            name: "algorithm_allowed", refusals: [.algorithmNotAllowed],
            expected: { $0.byTenant { "one of \(ExplainedToken.list($0.algorithms.map(\.rawValue)))" } },
            found: \.algorithm, remedy: otherAlgorithm),
        VerificationRule(
            name: "key_not_denied", refusals: [.keyDenied],
            expected: {
                $0.byTenant { rules in
                    let count = rules.deniedKeyIDs.count
                    return count == 0 ? "not checked" : "none of \(count) that are denied"
                }
            },
            found: { $0.header(\.keyID) },
            remedy: "Log in again once the issuer signs with another key, or drop it from tenants[].denied_key_ids."),
        VerificationRule(
            name: "key", refusals: [.keyUnknown], failures: Failure.Kind.allCases.filter { $0 != .mintFailed },
            expected: { _ in "a key of the tenant for this kid and algorithm" },
            found: { $0.header(\.keyID) }, remedy: "Check that tenants[].keys holds the issuer's current keys."),
        VerificationRule(
            name: "signature", refusals: [.signatureInvalid], expected: { _ in "a good signature by that key" },
            remedy: "The token was changed, or signed by somebody else; if neither, the key is not the issuer's."),
    ]
}
