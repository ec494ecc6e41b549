import JOSE
import Synchronization
import TestSupport
import TokenExchange

/// A login, taken apart: what each part gets from the one before. Its provider mints JWTs with three mapped claims.
struct SampleLogin {
    let provider = IdentityProvider.vipLoyalty(claims: [
        .email, ClaimMapping(name: "name", source: .firstOf([ClaimPath("name")])),
        ClaimMapping(name: "roles", source: .firstOf([ClaimPath("realm_access", ["roles"])])),
    ])
    let device: ExactText = "till-1"
    let clock = ManualClock()
    /// Signed by ``TestKeys/rs256``.
    let token: IdentityToken
    let unverified: UnverifiedToken
    /// What a login at this provider reads of the token.
    let claimNames: [ExactText]
    let identity: VerifiedIdentity
    let slot: SessionVault.AnswerSlot
    let minted: MintedIdentity
    let vault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in })

    init() async throws {
        token = IdentityToken(
            bytes: try ModelToken(issuedAt: clock.now, keyID: TestKeys.rs256.keyID).signed(by: TestKeys.rs256))
        unverified = try UnverifiedToken(token.bytes, limits: TokenLimits())
        let reader = NotingReader()
        let tenant = Tenant(
            name: "acme-staging", issuer: ExactText(ModelToken.issuer), keys: IssuerKeySet([TestKeys.rs256.verifier]),
            rules: TenantRules())
        let verify = VerifyIdentityToken(
            tenants: [tenant], providers: [provider], claimsReader: reader, limits: TokenLimits())
        identity = try await verify(token, for: provider, at: clock.now, within: .seconds(1))
        claimNames = reader.names.withLock(\.self)
        slot = vault.answerSlot(for: token, device: device, provider: provider.name)
        minted = try Self.mint(with: TestKeys.ring)(
            provider.minted, for: identity, provider: provider, device: vault.label(ofDevice: device),
            in: slot.key.partition, at: clock.now)
    }

    static func mint(with keys: SigningKeyRing) -> MintExternalIdentity {
        MintExternalIdentity(
            issuer: ExactText(ExchangeBench.publicURL), keys: keys, randomBytes: OpenSSLRecordSealer().randomBytes)
    }

    /// What the exchange stores.
    var session: StoredSession { vault.seal(minted.session, of: minted.externalIdentity, in: slot.key.partition) }
    var answer: SealedRecord { vault.seal(minted.externalIdentity, in: slot) }
}

extension IdentityProvider {
    /// The kind of tokens that are made here.
    var minted: TokenRecipe.Minted {
        get throws {
            guard case .minted(let kind) = token.kind else {
                throw ProgramFailure(description: "the provider's tokens are not made here")
            }
            return kind
        }
    }
}

/// Notes what it is asked for.
private final class NotingReader: ClaimsReader {
    let names = Mutex<[ExactText]>([])

    func claims(_ names: [ExactText], of token: VerifiedToken) throws(ClaimsUnreadable) -> ClaimsSet {
        self.names.withLock { $0 = names }
        return try LibJWTClaimsReader().claims(names, of: token)
    }
}
