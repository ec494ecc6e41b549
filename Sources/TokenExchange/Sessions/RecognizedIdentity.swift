/// Tells tokens that could be our external identities from others, by their shape alone.
struct IdentityRecognizer: Sendable {
    private let issuer: ExactText
    private let takesForeignTokens: Bool
    private let vault: SessionVault
    private let keys: SigningKeyRing?

    /// - Parameter keys: as in ``RecognizedIdentity``.
    init(
        issuer: ExactText, providers: [IdentityProvider], vault: SessionVault, keys: SigningKeyRing?
    ) {
        self.issuer = issuer
        takesForeignTokens = providers.contains(where: \.isUpstream)
        self.vault = vault
        self.keys = keys
    }

    /// Nil for a token that we cannot have issued.
    func callAsFunction(_ externalIdentity: ExternalIdentity) -> RecognizedIdentity? {
        RecognizedIdentity(externalIdentity, issuer: issuer, keys: keys) {
            takesForeignTokens ? vault.partition(ofForeign: $0) : nil
        }
    }
}

/// An external identity that could be ours by its shape, and where its session would be.
struct RecognizedIdentity {
    private enum Form {
        case opaque
        /// A JWT with our issuer. The verifier is nil if we have no keys to check it with.
        case signed(UnverifiedToken, (any TokenVerifier)?)
        /// From an internal service; these have any shape.
        case foreign
    }

    private let form: Form
    let partition: Partition

    /// Nil for a token that cannot be ours: another shape, issuer or key.
    ///
    /// - Parameters:
    ///   - keys: nil to recognize a JWT by its issuer alone, whatever its key.
    ///   - foreign: the partition of a token of another shape; nil if there are no such tokens.
    init?(
        _ externalIdentity: ExternalIdentity, issuer: ExactText, keys: SigningKeyRing?,
        foreign: (ExternalIdentity) -> Partition?
    ) {
        if let random = externalIdentity.opaqueRandomPart, let partition = Partition(beginning: random) {
            form = .opaque
            self.partition = partition
        } else if let token = try? UnverifiedToken(externalIdentity.bytes, limits: Self.limits),
            token.claimedIssuer == issuer, let verifier = Self.verifier(of: token, among: keys),
            let tokenID = token.claims.string("jti"), let partition = Partition(beginning: tokenID.bytes[...])
        {
            form = .signed(token, verifier)
            self.partition = partition
        } else if externalIdentity.hasUpstreamShape, let partition = foreign(externalIdentity) {
            form = .foreign
            self.partition = partition
        } else {
            return nil
        }
    }

    /// Large enough for any of our JWTs: `maximum_bytes` at its greatest, and claims of an identity token within its
    /// greatest limits, or constants, which are never deeper.
    private static let limits = TokenLimits(tokenBytes: 8192, json: JSONLimits(depth: 64, members: 4096))

    /// Nil for a token whose key is not ours; `.some(nil)` if we have no keys.
    private static func verifier(of token: UnverifiedToken, among keys: SigningKeyRing?) -> (any TokenVerifier)?? {
        guard let keys else { return .some(nil) }
        guard let verifier = token.jws.keyID.flatMap(keys.verifier(keyID:)), verifier.algorithm == token.jws.algorithm
        else { return nil }
        return verifier
    }

    /// Whether it is a JWT that names us and one of our keys. Its signature is not checked.
    var isSignedByUs: Bool {
        if case .signed = form { true } else { false }
    }

    /// The `kid` of a JWT; nil for other tokens.
    var keyID: ExactText? {
        if case .signed(let token, _) = form { token.jws.keyID } else { nil }
    }

    /// `session`, with the claims that the token itself carries.
    func live(_ session: SessionRecord) -> LiveSession {
        switch form {
        case .opaque, .foreign: LiveSession(record: session, tokenClaims: nil)
        case .signed(let token, _): LiveSession(record: session, tokenClaims: token.claims)
        }
    }

    /// What the token itself says, without the store.
    enum Statement {
        /// Nothing: it only names a record.
        case none
        /// It is one of our JWTs, and its signature is good.
        case session(SessionRecord)
        /// It is a JWT that we did not sign.
        case forged
    }

    /// Checks a JWT's signature, if there is a key to check it with.
    func statement(by claimsReader: any ClaimsReader) -> Statement {
        guard case .signed(let token, let verifier?) = form else { return .none }
        guard let verified = token.verified(by: [verifier]),
            let claims = try? claimsReader.claims(SessionRecord.claimNames, of: verified),
            let session = SessionRecord(claims)
        else { return .forged }
        return .session(session)
    }
}
