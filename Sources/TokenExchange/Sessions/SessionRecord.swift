/// What is stored about one external identity. It leaves the process only sealed.
package struct SessionRecord: Sendable, Equatable, Redacted {
    package let identityProvider: ExactText
    package let tenant: ExactText
    package let subject: ExactText
    /// To the millisecond; tokens have whole seconds.
    package let issuedAt: UnixTime
    /// Unix time in whole seconds; from then on the session has expired.
    package let expiresAt: Int64
    /// The `jti`.
    package let tokenID: ExactText
    /// The associate's device, if known; several if an internal service gave them the same token.
    package let devices: [CohortLabel]
    /// The mapped claims, if the token does not carry them itself.
    package internal(set) var claims: [JSONValue.Member]

    package init(
        identityProvider: ExactText, tenant: ExactText, subject: ExactText, issuedAt: UnixTime, expiresAt: Int64,
        tokenID: ExactText, devices: [CohortLabel] = [], claims: [JSONValue.Member] = []
    ) {
        self.identityProvider = identityProvider
        self.tenant = tenant
        self.subject = subject
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.tokenID = tokenID
        self.devices = devices
        self.claims = claims
    }

    /// ``expiresAt`` as a time.
    package var expiry: UnixTime { UnixTime(seconds: Double(expiresAt)) }

    /// By identity provider, tenant and `sub`.
    func isOfSameOwner(as other: SessionRecord) -> Bool {
        (identityProvider, tenant, subject) == (other.identityProvider, other.tenant, other.subject)
    }

    /// Merges a later login that was answered with the same token. The time of issue stays, so that a revocation of one
    /// of the token's cohorts holds, however often the token is handed out.
    func renewed(by login: SessionRecord) -> SessionRecord {
        SessionRecord(
            identityProvider: identityProvider, tenant: tenant, subject: subject, issuedAt: issuedAt,
            expiresAt: max(expiresAt, login.expiresAt), tokenID: tokenID,
            devices: devices + login.devices.filter { !devices.contains($0) }, claims: login.claims)
    }
}

// MARK: - Record format

extension SessionRecord {
    /// Of ``encoded``. Version 1 was an object with named members, three times as long around the values.
    static let formatVersion: UInt8 = 2

    /// A compact JSON array, to keep what the store must hold small:
    /// `[identity provider, tenant, sub, issued at (ms), exp (s), jti, devices, claims]`: devices with spaces between
    /// them; claims if there are any.
    var encoded: [UInt8] {
        var text = [UInt8]()
        text.reserveCapacity(256)
        // Written directly, since every login does this.
        text.append(UInt8(ascii: "["))
        JSONValue.append(identityProvider, to: &text)
        text.append(UInt8(ascii: ","))
        JSONValue.append(tenant, to: &text)
        text.append(UInt8(ascii: ","))
        JSONValue.append(subject, to: &text)
        text.append(UInt8(ascii: ","))
        text.append(decimal: Int64((issuedAt.seconds * 1000).rounded(.down)))
        text.append(UInt8(ascii: ","))
        text.append(decimal: expiresAt)
        text.append(UInt8(ascii: ","))
        JSONValue.append(tokenID, to: &text)
        text.append(",\"")
        for (index, device) in devices.enumerated() {
            if index > 0 { text.append(UInt8(ascii: " ")) }
            // Base64url, which needs no escapes.
            device.digest.withUTF8 { text.append(contentsOf: $0) }
        }
        text.append(UInt8(ascii: "\""))
        if !claims.isEmpty {
            text.append(UInt8(ascii: ","))
            JSONValue.object(claims).append(to: &text)
        }
        text.append(UInt8(ascii: "]"))
        return text
    }

    /// Nil if the text is not a record of this format. Claims may be as deep and as wide as ``encoded`` wrote them: a
    /// sealed text is our own.
    init?(encoded: [UInt8]) {
        let limits = JSONLimits(depth: .max, members: .max)
        guard case .array(let values) = try? JSONValue(parsing: encoded, limits: limits),
            values.count == 7 || values.count == 8,
            let identityProvider = values[0].string, let tenant = values[1].string, let subject = values[2].string,
            let issuedAt = values[3].integer.flatMap(UnixTime.init(storedMilliseconds:)),
            let expiresAt = values[4].integer, UnixTime(storedSeconds: expiresAt) != nil,
            let tokenID = values[5].string, let devices = values[6].string
        else { return nil }
        var claims: [JSONValue.Member] = []
        if case .object(let members) = values.dropFirst(7).first { claims = members }
        self.init(
            identityProvider: identityProvider, tenant: tenant, subject: subject,
            issuedAt: issuedAt, expiresAt: expiresAt, tokenID: tokenID,
            devices: devices.words.map { CohortLabel(.device, digest: $0.detached) }, claims: claims)
    }
}

// MARK: - From a token

extension SessionRecord {
    /// The claims that ``init(_:)`` needs.
    static let claimNames: [ExactText] = ["identity_provider", "tenant", "sub", "iat", "exp", "jti"]

    /// From the claims of one of our JWTs whose signature is good; nil if one is missing.
    init?(_ claims: ClaimsSet) {
        guard let identityProvider = claims["identity_provider"]?.string, let tenant = claims["tenant"]?.string,
            let subject = claims["sub"]?.string, let tokenID = claims["jti"]?.string,
            let issuedAt = claims["iat"]?.integer.flatMap(UnixTime.init(storedSeconds:)),
            let expiresAt = claims["exp"]?.integer, UnixTime(storedSeconds: expiresAt) != nil
        else { return nil }
        self.init(
            identityProvider: identityProvider, tenant: tenant, subject: subject, issuedAt: issuedAt,
            expiresAt: expiresAt, tokenID: tokenID)
    }
}
