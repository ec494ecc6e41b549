/// Tells external identities that could be ours from others, by their shape alone.
struct IdentityRecognizer: Sendable {
    private let issuer: ExactText
    private let takesForeignTokens: Bool
    private let vault: SessionVault
    private let keys: SigningKeyRing?

    init(
        issuer: ExactText, providers: [IdentityProvider], vault: SessionVault, keys: SigningKeyRing?
    ) {
        self.issuer = issuer
        takesForeignTokens = providers.contains(where: \.token.isUpstream)
        self.vault = vault
        self.keys = keys
    }

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
        /// By our name; nil if our keys are not at hand.
        case signed(UnverifiedToken, (any TokenVerifier)?)
        /// Of an internal service; these have any shape.
        case foreign
    }

    private let form: Form
    let partition: Partition

    /// Nil for what cannot be ours: another shape, issuer or key.
    ///
    /// - Parameters:
    ///   - keys: nil takes a JWT by its issuer alone, whatever its key.
    ///   - foreign: where the session of a token of another shape would be; nil if there are none.
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

    /// As much as a JWT of ours can have: `maximum_bytes` at its greatest, and claims of an identity token at the greatest of
    /// its limits, or constants, which are no deeper.
    private static let limits = TokenLimits(tokenBytes: 8192, json: JSONLimits(depth: 64, members: 4096))

    /// Nil for a token under none of our keys.
    private static func verifier(of token: UnverifiedToken, among keys: SigningKeyRing?) -> (any TokenVerifier)?? {
        guard let keys else { return .some(nil) }
        guard let verifier = token.jws.keyID.flatMap(keys.verifier(keyID:)), verifier.algorithm == token.jws.algorithm
        else { return nil }
        return verifier
    }

    /// Whether it is a JWT by our name and under one of our keys.
    var isSignedByUs: Bool {
        if case .signed = form { true } else { false }
    }

    /// The `kid` of a JWT.
    var keyID: ExactText? {
        if case .signed(let token, _) = form { token.jws.keyID } else { nil }
    }

    /// With what the token itself carries.
    func live(_ session: SessionRecord) -> LiveSession {
        switch form {
        case .opaque, .foreign: LiveSession(record: session, tokenClaims: nil)
        case .signed(let token, _): LiveSession(record: session, tokenClaims: token.claims)
        }
    }

    /// What the token itself can say without a store.
    enum Statement {
        /// It is a name for a record, and says nothing.
        case none
        /// A JWT of ours: the signature is good.
        case session(SessionRecord)
        /// A JWT that is not ours.
        case forged
    }

    func statement(by claimsReader: any ClaimsReader) -> Statement {
        guard case .signed(let token, let verifier?) = form else { return .none }
        guard let verified = token.verified(by: [verifier]),
            let claims = try? claimsReader.claims(SessionRecord.claimNames, of: verified),
            let session = SessionRecord(claims)
        else { return .forged }
        return .session(session)
    }
}
