import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What is told about genuine tokens that no longer look as they did.
@Suite struct TokenShapeTests {
    /// A tenant whose tokens are exchanged, and what was told of their shape.
    private final class Watch: Sendable {
        private let told: Told
        private let shapes: TokenShapes
        private let bench: ExchangeBench

        private final class Told: Sendable {
            let changes = Mutex<[TokenShapes.Change]>([])
        }

        init() {
            let told = Told()
            self.told = told
            shapes = TokenShapes { change in told.changes.withLock { $0.append(change) } }
            bench = ExchangeBench(
                rules: TenantRules(algorithms: [.rs256, .es256], maximumAge: nil),
                keys: IssuerKeySet([TestKeys.rs256.verifier, TestKeys.es256.verifier]), shapes: shapes)
        }

        /// What the tokens of these logins change, one after another.
        func changes(
            _ count: Int = 1, signer: OpenSSLTokenSigner = TestKeys.rs256,
            _ change: (ModelToken) -> ModelToken = { $0 }
        ) async throws -> [TokenShapes.Change] {
            let token = change(
                ModelToken(issuedAt: bench.clock.now, algorithm: signer.algorithm.rawValue, keyID: signer.keyID))
            let bytes = try token.signed(by: signer)
            for _ in 0..<count { _ = await bench.exchange(bytes) }
            return told.changes.withLock { changes in
                defer { changes = [] }
                return changes
            }
        }

        var changeCount: Int { shapes.changeCounts.first { $0.tenant == "acme-staging" }?.count ?? -1 }
    }

    private func change(
        _ new: [TokenShapes.Trait] = [], missing: [ExactText] = [], keyCount: Int = 1
    ) -> TokenShapes.Change {
        TokenShapes.Change(tenant: "acme-staging", new: new, missing: missing, keyCount: keyCount)
    }

    @Test func tellsOnceThatAClaimIsGoneThatWasAlwaysThere() async throws {
        let watch = Watch()
        #expect(watch.changeCount == -1)
        #expect(try await watch.changes(10) == [] && watch.changeCount == 0)
        let gone = change(missing: ["email", "name"])
        #expect(try await watch.changes(3) { $0.claim("email", nil).claim("name", nil) } == [gone])
        #expect(watch.changeCount == 1)
        #expect(try await watch.changes(3) { $0.claim("name", nil) } == [], "a claim that comes back")
        #expect(try await watch.changes(3) { $0.claim("sid", .null) } == [change(missing: ["sid"])], "null is absent")
        #expect(watch.changeCount == 2)
    }

    @Test func learnsFromTenTokensWhatIsUsual() async throws {
        let (nine, ten) = (Watch(), Watch())
        #expect(try await nine.changes(9) == [])
        #expect(try await ten.changes(10) == [])
        #expect(try await nine.changes { $0.claim("email", nil) } == [])
        #expect(try await ten.changes { $0.claim("email", nil) } == [change(missing: ["email"])])
        #expect(try await nine.changes(9) { $0.claim("email", nil) } == [], "it was not always there")
    }

    @Test func tellsNewClientsKindsAlgorithmsAndKeys() async throws {
        let watch = Watch()
        #expect(try await watch.changes(10) == [])
        #expect(try await watch.changes(2) { $0.claim("azp", .string("other")) } == [change([.party])])
        #expect(try await watch.changes(2) { $0.claim("typ", .string("ID")) } == [change([.kind])], "though refused")
        #expect(try await watch.changes(2) { $0.header("typ", .string("at+jwt")) } == [change([.headerType])])
        let signed = change([.algorithm, .keyID], keyCount: 2)
        #expect(try await watch.changes(2, signer: TestKeys.es256) == [signed])
        #expect(try await watch.changes(2) { $0.claim("azp", nil) } == [change(missing: ["azp"], keyCount: 2)])
        #expect(watch.changeCount == 5)
    }

    /// A service account's token, say, has other claims than an associate's, and shows up among logins now and then.
    @Test func comparesTokensWithThoseOfTheSameKindAndClient() async throws {
        let watch = Watch()
        let other = { (token: ModelToken) in token.claim("azp", .string("till")).claim("email", nil) }
        #expect(try await watch.changes(10) == [])
        #expect(try await watch.changes(10, other) == [change([.party])], "and no claim is missed")
        #expect(try await watch.changes { other($0).claim("name", nil) } == [change(missing: ["name"])])
        #expect(try await watch.changes { $0.claim("name", nil) } == [change(missing: ["name"])])
    }

    @Test func takesNoNoticeOfTokensThatAreNotGenuine() async throws {
        let watch = Watch()
        #expect(try await watch.changes(10) == [])
        #expect(try await watch.changes(signer: TestKeys.stranger) { $0.claim("email", nil) } == [])
        #expect(watch.changeCount == 0)
    }

    @Test func goesByNamesAndNotByTheirOrderOrSpelling() async throws {
        let watch = Watch()
        #expect(try await watch.changes(10) == [])
        let reordered = { (token: ModelToken) in
            var token = token
            token.claims.reverse()
            return token
        }
        #expect(try await watch.changes(1, reordered) == [])
        #expect(try await watch.changes { $0.claim("email", .number(literal: "1")).claim("new", .bool(true)) } == [])
    }

    /// An issuer that names another client in every token is told of for as long as memory allows.
    @Test func staysBoundedWhateverTheIssuerDoes() async throws {
        let watch = Watch()
        #expect(try await watch.changes(10) == [])
        for number in 0..<300 {
            _ = try await watch.changes {
                $0.claim("azp", .string("client \(number)")).claim(ExactText("x\(number)"), .bool(true))
            }
        }
        #expect(watch.changeCount == 63, "64 values with the first one")
        #expect(try await watch.changes { $0.claim("email", nil) } == [change(missing: ["email"])], "still watchful")
    }
}
