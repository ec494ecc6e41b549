/// Makes external identities: signed JWTs or opaque tokens, by the identity provider's recipe.
package struct MintExternalIdentity: Sendable {
    private let issuer: ExactText
    private let keys: SigningKeyRing
    private let randomBytes: @Sendable (Int) -> [UInt8]

    /// - Parameters:
    ///   - issuer: the `iss` of every JWT: the service's public URL.
    ///   - randomBytes: cryptographic randomness.
    package init(
        issuer: ExactText, keys: SigningKeyRing, randomBytes: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.issuer = issuer
        self.keys = keys
        self.randomBytes = randomBytes
    }

    /// A new token of `kind`, which is the provider's, and its session record. Stores nothing.
    package func callAsFunction(
        _ kind: TokenRecipe.Minted, for identity: VerifiedIdentity, provider: IdentityProvider, device: CohortLabel?,
        in partition: Partition, at now: UnixTime
    ) throws(ExchangeStop) -> MintedIdentity {
        var session = try session(
            for: identity, provider: provider, device: device, in: partition, at: now,
            expiresAt: now.wholeSeconds + provider.token.lifetime.components.seconds)
        switch kind {
        case .opaque:
            return MintedIdentity(
                externalIdentity: opaqueToken(in: partition), session: session, isSelfContained: false)
        case .jwt(let shape):
            do {
                let token = try signedToken(session, shape: shape)
                // A verifier reads the mapped claims from the token itself; the record need not repeat them.
                session.claims = []
                return MintedIdentity(externalIdentity: token, session: session, isSelfContained: true)
            } catch { throw .failed(error) }
        }
    }

    /// The session record of a token that is made here or by an internal service.
    func session(
        for identity: VerifiedIdentity, provider: IdentityProvider, device: CohortLabel?, in partition: Partition,
        at now: UnixTime, expiresAt: Int64
    ) throws(ExchangeStop) -> SessionRecord {
        let mappedClaims: [JSONValue.Member]
        do { mappedClaims = try provider.token.mappedClaims(from: identity.claims) } catch { throw .refused(error) }
        return SessionRecord(
            identityProvider: provider.name, tenant: identity.tenant.name, subject: identity.subject,
            issuedAt: now, expiresAt: expiresAt,
            tokenID: ExactText(bytes: randomText(Self.tokenIDByteCount, in: partition)),
            devices: device.map { [$0] } ?? [],
            claims: mappedClaims)
    }

    /// That claims and configuration allow a token to be made, as `token explain` shows it.
    static let rule = VerificationRule(
        name: "mint", failures: [.mintFailed], expected: { _ in "an external identity within its limits" },
        remedy: "Raise maximum_bytes or map fewer claims; check the signing keys.")

    /// Nil for a token that we would not mint, such as one whose key is gone.
    ///
    /// - Parameter foreign: the partition of an internal service's token; nil if it cannot be one.
    func recognize(
        _ externalIdentity: ExternalIdentity, foreign: (ExternalIdentity) -> Partition? = { _ in nil }
    ) -> RecognizedIdentity? {
        RecognizedIdentity(externalIdentity, issuer: issuer, keys: keys, foreign: foreign)
    }

    /// Length of the shortest JWT of this provider, so that start-up can refuse a limit that no token could meet. 0 if
    /// there is no active key.
    package func minimumBytes(of shape: TokenRecipe.JWTShape, for provider: IdentityProvider) -> Int {
        let fixedClaims = provider.token.claims.compactMap { mapping in
            if case .value(let value) = mapping.source { JSONValue.Member(mapping.name, value) } else { nil }
        }
        let session = SessionRecord(
            identityProvider: provider.name, tenant: provider.tenants.min { $0.count < $1.count } ?? "",
            subject: "s", issuedAt: UnixTime(seconds: 1e9), expiresAt: 1_000_000_000,
            tokenID: Base64URL.text([UInt8](repeating: 0, count: Self.tokenIDByteCount)), claims: fixedClaims)
        guard let signer = keys.signer(for: shape.algorithm) else { return 0 }
        return signingInput(session, shape: shape, signer: signer).count + 1
            + Base64URL.encodedCount(of: signer.signatureCount)
    }
}

extension MintExternalIdentity {
    /// 128 bits: no two tokens ever share a `jti`.
    private static let tokenIDByteCount = 16
    /// 256 bits: it cannot be guessed.
    private static let opaqueByteCount = 32

    private func opaqueToken(in partition: Partition) -> ExternalIdentity {
        ExternalIdentity(bytes: ExternalIdentity.opaquePrefix + randomText(Self.opaqueByteCount, in: partition))
    }

    private func randomText(_ byteCount: Int, in partition: Partition) -> [UInt8] {
        partition.marking(Base64URL.encode(randomBytes(byteCount)))
    }

    private func signedToken(_ session: SessionRecord, shape: TokenRecipe.JWTShape) throws(Failure) -> ExternalIdentity
    {
        guard let signer = keys.signer(for: shape.algorithm) else {
            throw Failure(.mintFailed, operation: "sign", cause: "no active \(shape.algorithm.rawValue) key")
        }
        var token = signingInput(session, shape: shape, signer: signer)
        let signature: [UInt8]
        do { signature = try signer.signature(over: token) } catch {
            throw Failure(.mintFailed, operation: "sign", cause: error.cause)
        }
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature, to: &token)
        guard token.count <= shape.maximumBytes else {
            throw Failure(
                .mintFailed, operation: "mint",
                cause: "the token has \(token.count) bytes, maximum_bytes allows \(shape.maximumBytes)")
        }
        return ExternalIdentity(bytes: token)
    }

    private func signingInput(
        _ session: SessionRecord, shape: TokenRecipe.JWTShape, signer: any TokenSigner
    ) -> [UInt8] {
        let claims = claimsSet(of: session, audience: shape.audience)
        var text = [UInt8]()
        text.reserveCapacity(
            signer.header.count + Base64URL.encodedCount(of: claims.count)
                + Base64URL.encodedCount(of: signer.signatureCount) + 2)
        text += signer.header
        text.append(UInt8(ascii: "."))
        Base64URL.append(claims, to: &text)
        return text
    }

    private func claimsSet(of session: SessionRecord, audience: ExactText) -> [UInt8] {
        var claims = JSONObjectWriter(capacity: 768)
        claims.add("iss", issuer)
        claims.add("sub", session.subject)
        claims.add("aud", audience)
        claims.add("iat", session.issuedAt.wholeSeconds)
        claims.add("exp", session.expiresAt)
        claims.add("jti", session.tokenID)
        claims.add("identity_provider", session.identityProvider)
        claims.add("tenant", session.tenant)
        for claim in session.claims { claims.add(claim) }
        return claims.finish()
    }
}

extension TokenRecipe {
    fileprivate func mappedClaims(from claims: ClaimsSet) throws(Refusal) -> [JSONValue.Member] {
        var mapped: [JSONValue.Member] = []
        mapped.reserveCapacity(self.claims.count)
        for mapping in self.claims {
            if let value = try mapping.resolve(in: claims) { mapped.append(.init(mapping.name, value)) }
        }
        return mapped
    }
}
