/// A ``CompactJWS`` whose payload is a claims set with an issuer (RFC 7519 §7.2). It is not verified: nothing in it can
/// be trusted.
///
/// The claims are a JSON object without duplicate members at any depth. A class, because it is large and handed on often.
package final class UnverifiedToken: Sendable, Redacted {
    package let jws: CompactJWS
    /// The payload's `iss`, which only selects whose keys the signature is checked with.
    package let claimedIssuer: ExactText
    /// Of these, only ``claimedIssuer`` may be used before the signature is checked.
    package let claims: JSONObject

    /// - Throws: the first fault found.
    package init(_ bytes: [UInt8], limits: TokenLimits) throws(Refusal) {
        let jws = try CompactJWS(bytes, limits: limits)
        let claims: JSONObject
        do { claims = try JSONObject(jws.payload, limits: limits.json) } catch {
            throw error == .duplicateMember ? .claimsDuplicateMember : .claimsMalformed
        }
        guard let issuer = claims.string("iss") else { throw .issuerUnknown }
        self.jws = jws
        self.claims = claims
        claimedIssuer = issuer
    }
}
