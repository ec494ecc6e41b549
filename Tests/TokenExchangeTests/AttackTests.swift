import Attacks
import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Every case of the published corpus against the use case, and checks that the corpus means what it says.
@Suite struct AttackTests {
    private static let corpus: AttackCorpus = {
        do { return try AttackCorpus.published.get() } catch { fatalError("\(error)") }
    }()
    private static let keys: AttackKeys = {
        do { return try AttackKeys() } catch { fatalError("no keys to attack with: \(error)") }
    }()

    /// The service of `profile`, and an external identity that it has issued.
    private func scene(_ profile: AttackProfile) async throws -> (ExchangeBench, AttackScene) {
        let bench = try ExchangeBench(profile, Self.keys)
        let token = try Self.scene(profile, now: bench.clock.now).goodToken()
        let identity = try #require(await bench.exchange(token).externalIdentity)
        return (bench, try Self.scene(profile, now: bench.clock.now, externalIdentity: identity.bytes))
    }

    private static func scene(
        _ profile: AttackProfile, now: UnixTime, externalIdentity: [UInt8] = []
    ) throws -> AttackScene {
        try AttackScene(
            profile, keys: keys, claims: ModelToken(issuedAt: now, keyID: nil).claims, now: now,
            publicURL: ExchangeBench.publicURL, externalIdentity: externalIdentity)
    }

    @Test(arguments: corpus.attacks)
    func refusesForTheReasonInTheCorpus(attack: Attack) async throws {
        let (bench, scene) = try await scene(try #require(Self.corpus.profiles[attack.profile]))
        #expect(await bench.exchange(try scene.token(of: attack)).refusal == attack.reason)
    }

    @Test(arguments: corpus.profiles.keys.sorted())
    func acceptsTheModelTokenOf(profile: String) async throws {
        let (bench, scene) = try await scene(try #require(Self.corpus.profiles[profile]))
        #expect(await bench.exchange(try scene.goodToken(), device: "another").externalIdentity != nil)
    }

    @Test func sendsWhatDiffersFromTheModelToken() async throws {
        let scenes = try Self.corpus.profiles.mapValues { try Self.scene($0, now: ManualClock.start) }
        for attack in Self.corpus.attacks {
            let scene = try #require(scenes[attack.profile])
            #expect(try scene.token(of: attack) != scene.goodToken(), "\(attack)")
        }
    }

    @Test func coversEveryThreatThatATokenCanExpress() {
        // A replay is the good token itself; slow connections and floods carry no token.
        let rows = Set(1...20).subtracting([15, 20])
        #expect(Set(Self.corpus.attacks.map(\.threat)) == rows)
        #expect(Self.corpus.attacks.count >= 150)
    }

    @Test func leavesNoFileOut() throws {
        let folder = URL(filePath: #filePath).appending(path: "../../../Sources/Attacks/Corpus").standardizedFileURL
        let numbers = try FileManager.default.contentsOfDirectory(atPath: folder.path).compactMap { Int($0.prefix(2)) }
        #expect(numbers.sorted() == Set(Self.corpus.attacks.map(\.threat)).sorted())
    }

    @Test func namesEveryCaseOnce() {
        let names = Dictionary(grouping: Self.corpus.attacks, by: \.name)
        #expect(names.filter { $1.count > 1 }.keys.sorted() == [])
    }
}

extension ExchangeBench {
    fileprivate init(_ profile: AttackProfile, _ keys: AttackKeys) throws {
        let rules = TenantRules(
            algorithms: Set(profile.algorithms), audiences: Set(profile.audiences.map { ExactText($0) }),
            authorizedParties: Set(profile.authorizedParties.map { ExactText($0) }))
        let conditions = profile.role.map {
            ClaimCondition(claim: ClaimPath("realm_access", ["roles"]), test: .contains(.string($0)))
        }
        let claims = profile.claim.map {
            ClaimMapping(name: ExactText($0), source: .firstOf([ClaimPath(ExactText($0))]), isRequired: true)
        }
        self.init(
            rules: rules,
            providers: [
                .vipLoyalty(
                    claims: claims.map { [$0] } ?? [.email], conditions: conditions.map { [$0] } ?? [])
            ],
            keys: IssuerKeySet(try profile.keys.map { try keys.issuer.signer($0).verifier }),
            otherRealmKeys: IssuerKeySet([try keys.otherRealm.signer(profile.keys[0]).verifier]))
    }
}
