import Attacks
import FoundationEssentials
import JOSE
import ServiceConfiguration
import TokenExchange

/// Who the attack says has issued its tokens: a tenant whose development key is at hand, so that everything but the fault
/// is right about them; or one whose keys nobody knows, so that they are forged besides.
struct AttackIssuer {
    let tenant: ExactText
    /// Whether the service trusts the key.
    let isTrusted: Bool
    private let claims: AssociateClaims
    private let further: [JSONValue.Member]
    private let keys: AttackKeys
    private let corpus: AttackCorpus
    private let profile: AttackProfile
    private let publicURL: String

    /// - Throws: ``StartUpError``.
    init(_ configuration: Configuration?, _ provider: IdentityProvider?, _ options: AttackRun.Options) throws {
        corpus = try AttackCorpus.published.get()
        let settings = try configuration.map { try $0.attackedTenant(of: provider, options.tenant) }
        let development = try settings.flatMap { try DevelopmentToken.key(of: $0) }
        claims = settings.map { AssociateClaims($0) } ?? AssociateClaims()
        tenant = settings?.name ?? "acme-staging"
        further = options.claims
        publicURL = configuration?.publicURL ?? options.url
        let trusted = corpus.profiles.values.first { profile in
            profile.name == profile.keys[0].rawValue.lowercased()
                && development?.algorithm.keyType == profile.keys[0].keyType
        }
        isTrusted = trusted != nil
        guard let profile = trusted ?? corpus.profiles["rs256"] else {
            throw StartUpError(["the corpus has no profile rs256"])
        }
        self.profile = profile
        keys = try AttackKeys(isTrusted ? development : nil)
    }

    /// All that a case refers to.
    func scene(of attack: Attack, now: UnixTime, _ externalIdentity: [UInt8]) throws -> AttackScene {
        try scene(corpus.profiles[attack.profile] ?? profile, now: now, externalIdentity)
    }

    /// A token that breaks no rule.
    func goodToken(now: UnixTime) throws -> [UInt8] { try scene(profile, now: now, []).goodToken() }

    private func scene(_ profile: AttackProfile, now: UnixTime, _ externalIdentity: [UInt8]) throws -> AttackScene {
        // Cases about service accounts take the session away, and know one claim of it.
        let members = claims.members(lifetime: .seconds(300), now: now, replacing: further)
            .filter { $0.name != "session_state" }
        return try AttackScene(
            profile, keys: keys, claims: members, now: now, publicURL: publicURL, externalIdentity: externalIdentity)
    }
}

extension Configuration {
    /// The named tenant, else the first of the provider's that has a development key, else its first one.
    fileprivate func attackedTenant(of provider: IdentityProvider?, _ name: ExactText?) throws -> TenantSettings {
        if let name {
            guard let tenant = tenants.first(where: { $0.name == name }) else { throw unknownTenant(name) }
            return tenant
        }
        let candidates = tenants.filter { provider?.tenants.contains($0.name) ?? true }
        guard let tenant = candidates.first(where: DevelopmentToken.hasKey) ?? candidates.first else {
            throw StartUpError(["the identity provider has no tenant"])
        }
        return tenant
    }
}
