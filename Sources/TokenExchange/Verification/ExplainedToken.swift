/// A token and the configuration that it is checked by, from which the rules make their words. Says nothing about
/// whether the token passes.
struct ExplainedToken: Sendable {
    let byteCount: Int
    /// Nil if it is malformed.
    let token: UnverifiedToken?
    /// The tenant whose issuer it names; nil if there is none.
    let tenant: Tenant?
    let tenants: [Tenant]
    let provider: IdentityProvider
    let limits: TokenLimits
    let claims: JSONValue
    /// Nil if it cannot be read; in other ways the token may be malformed.
    private let header: JSONObject?
    private let now: UnixTime

    /// - Parameter tenants: all that are configured.
    init(
        _ token: IdentityToken, tenants: [Tenant], provider: IdentityProvider, limits: TokenLimits, now: UnixTime
    ) {
        let unverified = try? UnverifiedToken(token.bytes, limits: limits)
        byteCount = token.bytes.count
        self.token = unverified
        header = byteCount <= limits.tokenBytes ? JSONObject(headerOf: token.bytes, limits: limits.json) : nil
        let text = unverified.map { $0.claims.text(keeping: $0.claims.names) }
        claims = text.flatMap { try? JSONValue(parsing: $0, limits: limits.json) } ?? .object([])
        tenant = unverified.flatMap { token in tenants.first { $0.issuer == token.claimedIssuer } }
        self.tenants = tenants
        self.provider = provider
        self.limits = limits
        self.now = now
    }

    // MARK: Expected

    /// What `words` makes of the tenant's rules; a general phrase if there is no tenant.
    func byTenant(_ words: (TenantRules) -> String) -> String {
        tenant.map { words($0.rules) } ?? "by the tenant's rules"
    }

    /// The names in order, with commas.
    static func list(_ names: some Sequence<ExactText>) -> String { list(names.map(\.description)) }

    /// The names in order, with commas.
    static func list(_ names: some Sequence<String>) -> String { names.sorted().joined(separator: ", ") }

    /// "one of" the names; "not checked" if there are none.
    static func oneOf(_ names: Set<ExactText>) -> String {
        names.isEmpty ? "not checked" : "one of \(list(names))"
    }

    /// To the millisecond.
    static func seconds(_ duration: Duration) -> String { "\((duration.inSeconds * 1000).rounded() / 1000) s" }

    // MARK: Found

    /// A top-level claim.
    func claim(_ name: ExactText) -> VerificationRule.Finding { Self.finding(claims[name]) }

    /// The header parameter that `member` reads.
    func header(_ member: (CompactJWS) -> ExactText?) -> VerificationRule.Finding {
        Self.finding(token.flatMap { member($0.jws) }.map { .string($0) })
    }

    /// The payload's `typ`.
    var kind: VerificationRule.Finding {
        Self.finding(claims["typ"], showing: Self.kinds.union(tenant?.rules.tokenKinds ?? []))
    }

    /// The header's `typ`.
    var headerType: VerificationRule.Finding { Self.finding(header?["typ"], showing: Self.headerTypes) }

    /// The header's `alg`, also of a token that is refused for it.
    var algorithm: VerificationRule.Finding {
        header == nil ? .init() : Self.finding(header?["alg"], showing: Self.algorithms)
    }

    var issuer: VerificationRule.Finding {
        VerificationRule.Finding(
            shape: tenant.map { "the issuer of \($0.name)" } ?? claim("iss").shape,
            value: claims["iss"]?.string?.description)
    }

    /// How far `iat`, `nbf` and `exp` are from now.
    var distances: VerificationRule.Finding {
        let words = ["iat", "nbf", "exp"].compactMap { name in
            claims[name]?.number.map { seconds in
                let distance = now - UnixTime(seconds: seconds)
                return distance < .zero
                    ? "\(name) in \(Self.seconds(.zero - distance))" : "\(name) \(Self.seconds(distance)) ago"
            }
        }
        return VerificationRule.Finding(shape: words.joined(separator: ", "))
    }

    /// What a refusal for its time says about the clocks.
    /// - Parameter difference: our clock minus the time that `refusal` is about.
    func clocks(_ refusal: Refusal, _ difference: Duration) -> String {
        let isIssuedAhead = claims["iat"]?.number.map { UnixTime(seconds: $0) > now } ?? false
        let verdict =
            switch refusal {
            case .notYetValid where !isIssuedAhead:
                "the issuer wants it to be used later, or its clock is ahead"
            case .notYetValid, .issuedInFuture: "the issuer's clock is ahead, or our clock is behind"
            default: "the token is old, or our clock is ahead of the issuer's"
            }
        return "\(refusal.rawValue): off by \(Self.seconds(difference)) (\(distances.shape)); \(verdict); "
            + "it is \(now.shortText) by the clock of this machine"
    }

    /// Type and size, and the value itself for those who ask.
    /// - Parameter known: values that are shown to everybody, because they say nothing about anybody.
    static func finding(_ value: JSONValue?, showing known: Set<ExactText> = []) -> VerificationRule.Finding {
        let isKnown = value?.string.map(known.contains) ?? false
        let text = value.map { String(decoding: $0.text, as: UTF8.self) }
        return VerificationRule.Finding(shape: isKnown ? text ?? "" : value?.shape ?? "absent", value: text)
    }

    /// Keycloak's, which are those of NewStore.
    private static let kinds: Set<ExactText> = [
        "Bearer", "ID", "Refresh", "Offline", "Logout", "DPoP", "Serialized-ID", "UserInfo", "RegistrationAccessToken",
        "InitialAccessToken",
    ]
    /// Of the registry of media types.
    private static let headerTypes: Set<ExactText> = [
        "JWT", "jwt", "at+jwt", "application/jwt", "application/at+jwt", "id+jwt", "rt+jwt", "logout+jwt", "dpop+jwt",
        "secevent+jwt", "JOSE", "JWE",
    ]
    /// Of RFC 7518 §3.1 and §4.1, RFC 8812 and RFC 9864, as far as issuers use them.
    private static let algorithms = Set(SignatureAlgorithm.allCases.map { ExactText($0.rawValue) }).union([
        "none", "HS256", "HS384", "HS512", "ES256K", "Ed25519", "Ed448", "RSA-OAEP", "RSA-OAEP-256", "dir",
    ])
}

extension JSONObject {
    /// The header of a compact JWS, whatever follows it; nil if it cannot be read.
    fileprivate init?(headerOf token: [UInt8], limits: JSONLimits) {
        guard let text = Base64URL.decode(token.prefix { $0 != UInt8(ascii: ".") }),
            let header = try? JSONObject(text, limits: limits, strictness: .grammar)
        else { return nil }
        self = header
    }
}

extension JSONValue {
    /// Type and size, no content.
    var shape: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string(let string): "a string of \(String(string).count) characters"
        case .array(let values): "an array of \(values.count) elements"
        case .object(let members): "an object of \(members.count) members"
        }
    }
}
