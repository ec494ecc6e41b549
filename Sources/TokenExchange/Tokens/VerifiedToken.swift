/// A token whose signature is good: what it says comes from the holder of a key. Only ``UnverifiedToken/verified(by:)``
/// makes one, so code that has one may trust its claims.
package struct VerifiedToken: Sendable, Redacted {
    private let token: UnverifiedToken

    package var claims: JSONObject { token.claims }
    /// The header's `typ`.
    var type: ExactText? { token.jws.type }

    /// Whether it has this claim, whatever its value. JSON null counts as absent.
    func has(_ claim: ExactText) -> Bool { claims.has(claim) }

    fileprivate init(_ token: UnverifiedToken) { self.token = token }
}

extension UnverifiedToken {
    /// Nil if the signature is good under none of these keys.
    package func verified(by verifiers: some Sequence<any TokenVerifier>) -> VerifiedToken? {
        verifiers.contains { jws.isSigned(by: $0) } ? VerifiedToken(self) : nil
    }
}
