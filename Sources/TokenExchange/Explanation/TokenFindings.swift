/// What the rules expect and what a token has, in words. Says nothing about whether a rule holds.
struct TokenFindings {
    private let byteCount: Int
    private let token: UnverifiedToken?
    private let claims: JSONValue
    private let tenant: Tenant?
    private let tenants: [Tenant]
    private let provider: IdentityProvider
    private let limits: TokenLimits
    private let now: UnixTime

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

    func expected(by rule: VerificationRule) -> String {
        switch rule {
        case .size: "at most \(limits.tokenBytes) bytes"
        case .segments: "three segments, none empty"
        case .encoding: "canonical base64url in each segment"
        case .header: "a JSON object, no member twice"
        case .headerParameters: "no jku, jwk, x5u, x5c, crit, b64, zip"
        case .algorithmKnown: "one of \(Self.list(SignatureAlgorithm.allCases.map(\.rawValue)))"
        case .keyID: "absent, or a string of 1 to 128 characters"
        case .claimsForm: "a JSON object, no member twice at any depth"
        case .issuer: "the issuer of a tenant: \(Self.list(tenants.map(\.name)))"
        case .key: "a key of the tenant for this kid and algorithm"
        case .signature: "a good signature by that key"
        case .claimsReadable: "claims that libjwt reads"
        case .subject: "a string that is not empty"
        case .expiration: "a number from 0 to 2^53"
        case .headerType: "JWT or at+jwt, with or without application/, or absent"
        case .senderConstraint: "no cnf"
        case .tenant: "one of \(Self.list(provider.tenants))"
        case .conditions:
            provider.conditions.isEmpty ? "no conditions" : "\(provider.conditions.count) conditions that hold"
        case .mappedClaims: "every required claim of \(Self.list(provider.token.claims.map(\.name)))"
        case .mint: "an external identity within its limits"
        case .algorithmAllowed, .keyNotDenied, .issuedAt, .notBefore, .tokenKind, .serviceAccount, .validityPeriod,
            .audience, .authorizedParty:
            tenant.map { expected(by: rule, of: $0.rules) } ?? "by the tenant's rules"
        }
    }

    private func expected(by rule: VerificationRule, of rules: TenantRules) -> String {
        switch rule {
        case .keyNotDenied:
            rules.deniedKeyIDs.isEmpty ? "not checked" : "none of \(rules.deniedKeyIDs.count) that are denied"
        case .algorithmAllowed: "one of \(Self.list(rules.algorithms.map(\.rawValue)))"
        case .issuedAt: rules.maximumAge == nil ? "absent, or a number from 0 to 2^53" : "a number from 0 to 2^53"
        case .tokenKind: "typ: one of \(Self.list(rules.tokenKinds)); absent counts as Bearer"
        case .serviceAccount: rules.allowsServiceAccounts ? "anybody" : "no service account"
        case .validityPeriod:
            "now within nbf and exp, iat not ahead, \(Self.seconds(rules.clockSkew)) of skew"
                + (rules.maximumAge.map { ", at most \(Self.seconds($0)) old" } ?? "")
        case .audience: rules.audiences.isEmpty ? "not checked" : "one of \(Self.list(rules.audiences))"
        case .authorizedParty:
            rules.authorizedParties.isEmpty ? "not checked" : "one of \(Self.list(rules.authorizedParties))"
        default: "absent, or a number from 0 to 2^53"
        }
    }

    // MARK: Found

    /// Shape and value.
    func found(for rule: VerificationRule) -> (String, String?) {
        switch rule {
        case .size: ("\(byteCount) bytes", nil)
        case .segments, .encoding, .header, .headerParameters, .claimsForm, .claimsReadable, .signature, .mint:
            ("", nil)
        case .algorithmKnown, .algorithmAllowed: (token.map(\.jws.algorithm.rawValue) ?? "", nil)
        case .keyID, .keyNotDenied, .key: shape(token?.jws.keyID.map { .string($0) })
        case .headerType: shape(token?.jws.type.map { .string($0) })
        case .issuer:
            (tenant.map { "the issuer of \($0.name)" } ?? shape(claims["iss"]).0, claims["iss"]?.string?.description)
        case .subject: shape(claims["sub"])
        case .expiration: shape(claims["exp"])
        case .issuedAt: shape(claims["iat"])
        case .notBefore: shape(claims["nbf"])
        case .tokenKind: shape(claims["typ"])
        case .serviceAccount: shape(claims["preferred_username"])
        case .senderConstraint: shape(claims["cnf"])
        case .audience: shape(claims["aud"])
        case .authorizedParty: shape(claims["azp"])
        case .validityPeriod: (distances, nil)
        case .tenant: (tenant?.name.description ?? "", nil)
        case .conditions: found(at: provider.conditions.map(\.claim))
        case .mappedClaims: found(at: provider.token.claims.flatMap(\.paths))
        }
    }

    private func shape(_ value: JSONValue?) -> (String, String?) {
        (value?.shape ?? "absent", value.map { String(decoding: $0.text, as: UTF8.self) })
    }

    private func found(at paths: [ClaimPath]) -> (String, String?) {
        let values = paths.map { path in
            (path, path.rest.reduce(claims[path.root]) { value, name in value?[name] })
        }
        let shapes = values.map { "\($0.joined): \($1?.shape ?? "absent")" }.joined(separator: "; ")
        let texts = values.map { "\($0.joined): \(shape($1).1 ?? "absent")" }.joined(separator: "; ")
        return (shapes, texts)
    }

    private var distances: String {
        ["iat", "nbf", "exp"].compactMap { name in
            claims[name]?.number.map { seconds in
                let distance = now - UnixTime(seconds: seconds)
                return distance < .zero
                    ? "\(name) in \(Self.seconds(.zero - distance))" : "\(name) \(Self.seconds(distance)) ago"
            }
        }.joined(separator: ", ")
    }

    static func seconds(_ duration: Duration) -> String { "\((duration.inSeconds * 1000).rounded() / 1000) s" }

    private static func list(_ names: some Sequence<ExactText>) -> String { list(names.map(\.description)) }

    private static func list(_ names: some Sequence<String>) -> String { names.sorted().joined(separator: ", ") }
}

extension ClaimPath {
    fileprivate var joined: String { ([root] + rest).map(\.description).joined(separator: ".") }
}

extension ClaimMapping {
    fileprivate var paths: [ClaimPath] {
        if case .firstOf(let paths) = source { paths } else { [] }
    }
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
