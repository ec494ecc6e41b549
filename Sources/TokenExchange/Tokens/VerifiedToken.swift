/// A token whose signature was found good: what it says is what the holder of a key has said. Nothing else makes one, so
/// whoever has one may read its claims.
package struct VerifiedToken: Sendable, Redacted {
    package let claims: JSONObject
    /// The header's `typ`.
    let type: ExactText?

    fileprivate init(_ token: UnverifiedToken) {
        claims = token.claims
        type = token.jws.type
    }
}

extension UnverifiedToken {
    /// Nil if none of these keys has made the signature.
    package func verified(by verifiers: some Sequence<any TokenVerifier>) -> VerifiedToken? {
        verifiers.contains(where: jws.isSigned) ? VerifiedToken(self) : nil
    }
}
