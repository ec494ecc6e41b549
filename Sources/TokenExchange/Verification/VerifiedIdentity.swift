/// A user that a tenant's issuer vouches for: the signature is good, and the claims that every token needs are
/// readable. Whether the token may be used here and now is for the policies to decide. A class, because each step holds on
/// to it.
package final class VerifiedIdentity: Sendable, Redacted {
    package let tenant: Tenant
    private let token: VerifiedToken
    /// Those that are read.
    package let claims: ClaimsSet
    /// The `sub`, never empty.
    package let subject: ExactText
    /// The `exp`.
    package let expiresAt: UnixTime
    /// The `iat`; nil if it is absent.
    package let issuedAt: UnixTime?
    /// The `nbf`; nil if it is absent.
    package let notBefore: UnixTime?

    /// - Parameter claims: the claims of `token` that anything here reads.
    init(_ token: VerifiedToken, of tenant: Tenant, claims: ClaimsSet) throws(Refusal) {
        guard let subject = claims["sub"]?.string, !subject.isEmpty else { throw .subjectInvalid }
        guard let expiresAt = try Self.numericDate(claims["exp"], or: .expirationInvalid) else {
            throw .expirationInvalid
        }
        self.tenant = tenant
        self.token = token
        self.claims = claims
        self.subject = subject
        self.expiresAt = expiresAt
        issuedAt = try Self.numericDate(claims["iat"], or: .issuedAtInvalid)
        if tenant.rules.maximumAge != nil, issuedAt == nil { throw .issuedAtInvalid }
        notBefore = try Self.numericDate(claims["nbf"], or: .notBeforeInvalid)
    }

    /// The header's `typ`.
    package var headerType: ExactText? { token.type }

    /// Whether the token has this claim, whatever its value. JSON null counts as absent.
    func has(_ claim: ExactText) -> Bool { token.has(claim) }

    /// `exp` with the tenant's clock skew: from this moment on the token has expired.
    package var acceptedUntil: UnixTime { expiresAt + tenant.rules.clockSkew }

    /// Our clock minus the time that `refusal` is about; nil if it is not about time.
    func clockDifference(for refusal: Refusal, at now: UnixTime) -> Duration? {
        switch refusal {
        case .expired: now - expiresAt
        case .notYetValid: notBefore.map { now - $0 }
        case .issuedInFuture, .tooOld: issuedAt.map { now - $0 }
        default: nil
        }
    }

    /// RFC 7519 §2: a JSON number, fractions allowed. Beyond 2⁵³ a double no longer tells seconds apart.
    private static let numericDates = ExactNumber(0)...ExactNumber(9_007_199_254_740_992)

    private static func numericDate(_ value: JSONValue?, or refusal: Refusal) throws(Refusal) -> UnixTime? {
        guard let value else { return nil }
        if let seconds = value.integer, seconds >= 0 { return UnixTime(seconds: Double(seconds)) }
        guard let number = value.exactNumber, numericDates.contains(number), let seconds = value.number else {
            throw refusal
        }
        return UnixTime(seconds: seconds)
    }
}

extension VerifiedIdentity {
    private static let remedy = "Have the issuer write the claim as RFC 7519 has it; without iat, set maximum_age: 0s."
    private static let numericDateWords = "a number from 0 to 2^53"
    private static let optionalDateWords = "absent, or \(numericDateWords)"

    /// The rules about claims that every token needs.
    static let rules = [
        VerificationRule(
            name: "claims_readable", refusals: [.claimsUnreadable], expected: { _ in "claims that libjwt reads" },
            remedy: remedy),
        VerificationRule(
            name: "subject", refusals: [.subjectInvalid], claims: { _ in ["sub"] },
            expected: { _ in "a string that is not empty" }, found: { $0.claim("sub") }, remedy: remedy),
        VerificationRule(
            name: "expiration", refusals: [.expirationInvalid], claims: { _ in ["exp"] },
            expected: { _ in numericDateWords }, found: { $0.claim("exp") }, remedy: remedy),
        VerificationRule(
            name: "issued_at", refusals: [.issuedAtInvalid], claims: { _ in ["iat"] },
            expected: { $0.byTenant { $0.maximumAge == nil ? optionalDateWords : numericDateWords } },
            found: { $0.claim("iat") }, remedy: remedy),
        VerificationRule(
            name: "not_before", refusals: [.notBeforeInvalid], claims: { _ in ["nbf"] },
            expected: { $0.byTenant { _ in optionalDateWords } }, found: { $0.claim("nbf") }, remedy: remedy),
    ]
}
