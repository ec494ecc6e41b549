import JOSE
import TokenExchange

/// The kit's tokens of one identity provider.
struct KitProvider {
    let name: ExactText
    private let provider: IdentityProvider
    private let shape: TokenRecipe.JWTShape
    private let signer: any TokenSigner
    /// The public half of `signer`, as attackers know it.
    private let publicKeyPEM: [UInt8]
    /// Signs tokens that must be rejected.
    private let stranger: OpenSSLTokenSigner
    private let otherName: ExactText
    private let otherAudience: ExactText

    /// - Parameter other: another provider of this service; nil if there is none.
    /// - Throws: ``StartUpError`` if the ring has no key for the provider.
    init(_ provider: IdentityProvider, other: IdentityProvider?, keys: SigningKeyRing) throws {
        guard let shape = provider.jwtShape, let signer = keys.signer(for: shape.algorithm),
            let verifier = keys.verifier(keyID: signer.keyID) as? OpenSSLTokenVerifier,
            let publicKeyPEM = verifier.publicKeyPEM
        else { throw StartUpError(["identity provider \(provider.name): no active key of its algorithm"]) }
        do { stranger = try .throwaway(shape.algorithm) } catch {
            throw StartUpError(["no key for the kit: \(error.cause)"])
        }
        name = provider.name
        self.provider = provider
        self.shape = shape
        self.signer = signer
        self.publicKeyPEM = Array(publicKeyPEM)
        otherName = other?.name ?? "another-provider"
        otherAudience = other?.jwtShape?.audience ?? "https://another-provider.example"
    }

    /// All tokens. Good ones live from `now` for `lifetime`; times in bad ones are wrong by an hour, more than any
    /// clock tolerance.
    func cases(issuer: String, lifetime: Duration, now: UnixTime) throws -> [KitCase] {
        let draft = KitToken(
            header: header(signer.algorithm.rawValue, keyID: signer.keyID),
            claims: claims(issuer: issuer, lifetime: lifetime, now: now.wholeSeconds))
        let good = try draft.signed(by: signer)
        let other = draft.with("identity_provider", .string(otherName)).with("aud", .string(otherAudience))
        let hour: Int64 = 3600
        func second(_ offset: Int64) -> JSONValue { .number(literal: String(now.wholeSeconds + offset)) }
        return [
            .accepted("good", good, "Everything is in order.").active(draft),
            .accepted(
                "revoked", try draft.with("jti", .string(randomID())).signed(by: signer), introspection: "inactive",
                "Good by its signature. Only introspection can tell that its session was ended."),
            .rejected(
                "expired", try draft.with("iat", second(-2 * hour)).with("exp", second(-hour)).signed(by: signer),
                "exp has passed."),
            .rejected(
                "wrong_issuer", try draft.with("iss", .string("https://not-countersign.example")).signed(by: signer),
                "iss is not this service."),
            .rejected(
                "wrong_audience", try draft.with("aud", .string("https://another-audience.example")).signed(by: signer),
                "aud is another service."),
            .rejected(
                "other_provider", try other.signed(by: signer),
                "Genuine, but minted for another identity provider: aud is that provider's."
            ).active(other),
            .rejected(
                "wrong_key", try draft.signed(by: stranger), "kid names our key, but another key signed."),
            .rejected(
                "unknown_key",
                try KitToken(header: header(stranger.algorithm.rawValue, keyID: stranger.keyID), claims: draft.claims)
                    .signed(by: stranger), "kid names a key that is not in the key set."),
            .rejected(
                "changed_claims",
                draft.with("sub", .string("somebody-else")).signingInput + good.suffix(from: dot(good)),
                "The signature belongs to other claims."),
            .rejected("cut_signature", Array(good.dropLast(8)), "The signature is too short."),
            .rejected(
                "alg_none", draft.with(header: header("none", keyID: signer.keyID)).signingInput + [UInt8(ascii: ".")],
                "alg none: no signature at all (RFC 8725 §3.1)."),
            .rejected(
                "hmac_with_public_key", hmac(draft.with(header: header("HS256", keyID: signer.keyID)).signingInput),
                "HS256 with our public key as the secret (RFC 8725 §3.1)."),
        ]
    }

    /// The `aud` of its tokens.
    var audience: ExactText { shape.audience }

    /// The provider's entry in `verdicts.json`.
    func description(of cases: [KitCase]) -> JSONValue {
        .object([
            .init("identity_provider", .string(name)),
            .init("audience", .string(shape.audience)),
            .init("algorithm", .string(shape.algorithm.rawValue)),
            .init("tokens", .array(cases.map { $0.description(of: name) })),
        ])
    }

    private func header(_ algorithm: String, keyID: ExactText) -> [JSONValue.Member] {
        [.init("alg", .string(algorithm)), .init("kid", .string(keyID)), .init("typ", .string("JWT"))]
    }

    private func claims(issuer: String, lifetime: Duration, now: Int64) -> [JSONValue.Member] {
        [
            .init("iss", .string(issuer)),
            .init("sub", .string(VerifierKit.subject)),
            .init("aud", .string(shape.audience)),
            .init("iat", .number(literal: String(now))),
            .init("exp", .number(literal: String(now + lifetime.components.seconds))),
            .init("jti", .string(randomID())),
            .init("identity_provider", .string(name)),
            .init("tenant", .string(provider.tenants.min() ?? "")),
        ]
            + provider.token.claims.map { mapping in
                if case .value(let value) = mapping.source {
                    .init(mapping.name, value)
                } else {
                    .init(mapping.name, .string("example"))
                }
            }
    }

    private func randomID() -> ExactText { Base64URL.text(OpenSSLRecordSealer().randomBytes(16)) }

    /// The position of the dot before the signature.
    private func dot(_ token: [UInt8]) -> Int { token.lastIndex(of: UInt8(ascii: ".")) ?? token.endIndex }

    private func hmac(_ signingInput: [UInt8]) -> [UInt8] {
        let code = HMAC.code("HS256", key: publicKeyPEM, over: signingInput) ?? []
        return signingInput + [UInt8(ascii: ".")] + Base64URL.encode(code)
    }
}
