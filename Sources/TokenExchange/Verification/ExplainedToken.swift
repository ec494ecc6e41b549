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
    private let claims: JSONValue
    private let now: UnixTime

    /// - Parameter tenants: all that are configured.
    init(
        _ token: IdentityToken, tenants: [Tenant], provider: IdentityProvider, limits: TokenLimits, now: UnixTime
    ) {
        let unverified = try? UnverifiedToken(token.bytes, limits: limits)
        byteCount = token.bytes.count
        self.token = unverified
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

    /// Several claims, each with its path before it.
    func claims(at paths: [ClaimPath]) -> VerificationRule.Finding {
        let findings = paths.map { path in
            (path.joined, Self.finding(path.rest.reduce(claims[path.root]) { value, name in value?[name] }))
        }
        return VerificationRule.Finding(
            shape: findings.map { "\($0): \($1.shape)" }.joined(separator: "; "),
            value: findings.map { "\($0): \($1.value ?? "absent")" }.joined(separator: "; "))
    }

    /// The header parameter that `member` reads.
    func header(_ member: (CompactJWS) -> ExactText?) -> VerificationRule.Finding {
        Self.finding(token.flatMap { member($0.jws) }.map { .string($0) })
    }

    var algorithm: VerificationRule.Finding {
        VerificationRule.Finding(shape: token?.jws.algorithm.rawValue ?? "")
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

    private static func finding(_ value: JSONValue?) -> VerificationRule.Finding {
        VerificationRule.Finding(
            shape: value?.shape ?? "absent", value: value.map { String(decoding: $0.text, as: UTF8.self) })
    }
}

extension ClaimPath {
    fileprivate var joined: String { ([root] + rest).map(\.description).joined(separator: ".") }
}

extension JSONValue {
    /// Type and size, no content.
    fileprivate var shape: String {
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
