/// What we remember of one external identity. Leaves the process only sealed.
package struct SessionRecord: Sendable, Equatable, Redacted {
    package let identityProvider: String
    package let tenant: String
    package let subject: String
    /// Unix time, whole seconds.
    package let issuedAt: Int64
    /// Unix time, whole seconds; from then on the session is over.
    package let expiresAt: Int64
    /// The `jti`.
    package let tokenID: String
    /// The mapped claims, where the token does not carry them itself.
    package let claims: [JSONValue.Member]

    package init(
        identityProvider: String, tenant: String, subject: String, issuedAt: Int64, expiresAt: Int64, tokenID: String,
        claims: [JSONValue.Member] = []
    ) {
        self.identityProvider = identityProvider
        self.tenant = tenant
        self.subject = subject
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.tokenID = tokenID
        self.claims = claims
    }

    func withoutClaims() -> SessionRecord {
        SessionRecord(
            identityProvider: identityProvider, tenant: tenant, subject: subject, issuedAt: issuedAt,
            expiresAt: expiresAt, tokenID: tokenID)
    }

    package var expiry: UnixTime { UnixTime(seconds: Double(expiresAt)) }
}

// MARK: - Record format

extension SessionRecord {
    /// Compact JSON, named as in a JWT; the sealed record around it carries the version.
    var encoded: [UInt8] {
        var members = JSONObjectWriter(capacity: 256)
        members.add("identity_provider", identityProvider)
        members.add("tenant", tenant)
        members.add("sub", subject)
        members.add("iat", issuedAt)
        members.add("exp", expiresAt)
        members.add("jti", tokenID)
        if !claims.isEmpty { members.add("claims", .object(claims)) }
        return members.finish()
    }

    /// Nil where the text is no record of this format; such a record counts as absent.
    init?(encoded: [UInt8]) {
        guard let value = try? JSONValue(parsing: encoded) else { return nil }
        self.init(reading: { value[$0] })
    }

    /// From the claims of a JWT of ours whose signature is good.
    init?(_ claims: ClaimsSet) {
        self.init(reading: { claims[$0] })
    }

    static let claimNames = ["identity_provider", "tenant", "sub", "iat", "exp", "jti"]

    private init?(reading value: (String) -> JSONValue?) {
        guard let identityProvider = value("identity_provider")?.string, let tenant = value("tenant")?.string,
            let subject = value("sub")?.string, let tokenID = value("jti")?.string,
            case .number(let issuedAt) = value("iat"), let issuedAt = Int64(issuedAt),
            case .number(let expiresAt) = value("exp"), let expiresAt = Int64(expiresAt)
        else { return nil }
        var claims: [JSONValue.Member] = []
        if case .object(let members) = value("claims") { claims = members }
        self.init(
            identityProvider: identityProvider, tenant: tenant, subject: subject, issuedAt: issuedAt,
            expiresAt: expiresAt, tokenID: tokenID, claims: claims)
    }
}
