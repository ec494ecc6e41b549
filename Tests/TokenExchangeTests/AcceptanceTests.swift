import JOSE
import TestSupport
import Testing
import TokenExchange

/// Good tokens at the limits of the rules, which must be accepted.
@Suite struct AcceptanceTests {
    struct Good: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var rules = TenantRules()
        var provider = IdentityProvider.vipLoyalty()
        var edit: @Sendable (ModelToken) -> ModelToken = { $0 }
    }

    private static func at(_ offset: Double) -> JSONValue { .number(literal: "\(ManualClock.start.seconds + offset)") }

    private static func having(_ test: ClaimCondition.Test, _ root: ExactText, _ rest: [ExactText] = [])
        -> IdentityProvider
    {
        .vipLoyalty(conditions: [ClaimCondition(claim: ClaimPath(root, rest), test: test)])
    }

    static let table: [Good] = [
        Good(testDescription: "expired 29.5 s ago, within the skew", edit: { $0.claim("exp", at(-29.5)) }),
        Good(testDescription: "issued 30 s ahead", edit: { $0.claim("iat", at(30)) }),
        Good(testDescription: "not before in 30 s", edit: { $0.claim("nbf", at(30)) }),
        Good(testDescription: "nbf 0, as Keycloak writes it", edit: { $0.claim("nbf", .number(literal: "0")) }),
        Good(testDescription: "an hour and 30 s old", edit: { $0.claim("iat", at(-3630)) }),
        Good(testDescription: "exp with a fraction", edit: { $0.claim("exp", at(10.25)) }),
        Good(testDescription: "an integer beyond 64 bits that is never read") {
            $0.claim("x", .number(literal: "18446744073709551615")).claim("y", .number(literal: "1e400"))
        },
        Good(testDescription: "the same in the header") {
            $0.header("x", .number(literal: "18446744073709551616"))
        },
        Good(testDescription: "null in place of every optional claim", rules: TenantRules(maximumAge: nil)) { token in
            ([
                "iat", "nbf", "aud", "typ", "azp", "cnf", "client_id", "clientHost", "clientAddress", "sid",
                "session_state", "preferred_username", "email",
            ] as [ExactText]).reduce(token) { $0.claim($1, .null) }
        },
        Good(testDescription: "exp 2^53", edit: { $0.claim("exp", .number(literal: "9007199254740992")) }),
        Good(
            testDescription: "no iat where no maximum age is set", rules: TenantRules(maximumAge: nil),
            edit: { $0.claim("iat", nil) }),
        Good(testDescription: "no typ counts as Bearer", edit: { $0.claim("typ", nil) }),
        Good(testDescription: "no header typ", edit: { $0.header("typ", nil) }),
        Good(testDescription: "header typ at+jwt", edit: { $0.header("typ", .string("at+jwt")) }),
        Good(testDescription: "header typ application/at+jwt") { $0.header("typ", .string("application/at+jwt")) },
        Good(testDescription: "header typ Application/JWT") { $0.header("typ", .string("Application/JWT")) },
        Good(testDescription: "an associate's token with client_id (RFC 9068)") {
            $0.claim("client_id", .string("newstore-associate-app"))
        },
        Good(testDescription: "with client_id and only session_state") {
            $0.claim("client_id", .string("x")).claim("sid", nil).claim("session_state", .string("s"))
        },
        Good(testDescription: "no kid if only one key fits", edit: { $0.header("kid", nil) }),
        Good(testDescription: "kid of PEM keys", edit: { $0 }),
        Good(
            testDescription: "a service account where allowed", rules: TenantRules(allowsServiceAccounts: true),
            edit: {
                $0.claim("preferred_username", .string("service-account-x")).claim("client_id", .string("x"))
            }),
        Good(
            testDescription: "audience in a list", rules: TenantRules(audiences: ["b"]),
            edit: {
                $0.claim("aud", .array([.string("a"), .string("b")]))
            }),
        Good(testDescription: "audience as a string", rules: TenantRules(audiences: ["account"])),
        Good(testDescription: "the wanted party", rules: TenantRules(authorizedParties: ["newstore-associate-app"])),
        Good(
            testDescription: "contains in a nested list",
            provider: having(.contains(.string("store_associate")), "realm_access", ["roles"])),
        Good(testDescription: "contains a word", provider: having(.contains(.string("email")), "scope")),
        Good(testDescription: "equals", provider: having(.equals(.string("Bearer")), "typ")),
        Good(
            testDescription: "equals an integer beyond a double to the last digit",
            provider: having(.equals(.number(literal: "9007199254740993")), "n"),
            edit: { $0.claim("n", .number(literal: "9007199254740993")) }),
        Good(
            testDescription: "contains a number, in another spelling",
            provider: having(.contains(.number(literal: "1e20")), "n"),
            edit: { $0.claim("n", .array([.number(literal: "100000000000000000000.0")])) }),
        Good(
            testDescription: "any of, with zero below zero",
            provider: having(.anyOf([.number(literal: "1"), .number(literal: "-0.0")]), "n"),
            edit: { $0.claim("n", .number(literal: "0")) }),
        Good(
            testDescription: "equals an object whatever the order of its members",
            provider: having(.equals(.object([.init("a", .number(literal: "1")), .init("b", .null)])), "n"),
            edit: { $0.claim("n", .object([.init("b", .null), .init("a", .number(literal: "1.0"))])) }),
        Good(
            testDescription: "equals a number by value",
            provider: having(.equals(.number(literal: "1764003600.0")), "iat")),
        Good(testDescription: "any of", provider: having(.anyOf([.string("x"), .string("account")]), "aud")),
        Good(
            testDescription: "any of, in a list",
            provider: having(.anyOf([.string("x"), .string("offline_access")]), "realm_access", ["roles"])),
        Good(
            testDescription: "matches",
            provider: having(.matches(try! AnchoredPattern(#"[a-z.]+@example\.com"#)), "email")),
    ]

    @Test(arguments: table)
    func accepts(good: Good) async throws {
        let bench = ExchangeBench(rules: good.rules, providers: [good.provider])
        let outcome = try await bench.exchange(good.edit(bench.token))
        #expect(outcome.refusal == nil)
        #expect(outcome.externalIdentity != nil)
    }

    @Test(arguments: [
        ("contains a part of a word", ClaimCondition.Test.contains(.string("mail")), ClaimPath("scope")),
        ("matches only a part", .matches(try! AnchoredPattern("jane")), ClaimPath("email")),
        ("equals another type", .equals(.string("1764003600")), ClaimPath("iat")),
        ("a path through a string", .equals(.string("x")), ClaimPath("email", ["x"])),
        ("any of none", .anyOf([]), ClaimPath("aud")),
        ("absent", .anyOf([.null]), ClaimPath("absent")),
        ("null", .equals(.null), ClaimPath("null")),
        ("null on the way", .equals(.null), ClaimPath("null", ["x"])),
        ("an integer beyond a double", .equals(.number(literal: "9007199254740993")), ClaimPath("n")),
        ("the same in a list", .contains(.number(literal: "9007199254740993")), ClaimPath("list")),
        ("the same among others", .anyOf([.number(literal: "9007199254740993.0")]), ClaimPath("n")),
        ("an integer beyond 64 bits", .equals(.number(literal: "18446744073709551617")), ClaimPath("big")),
        ("a fraction beyond a double", .equals(.number(literal: "0.1")), ClaimPath("fraction")),
        ("a number with a huge exponent", .equals(.number(literal: "1e9999999999999999999")), ClaimPath("n")),
        ("matches a list", .matches(try! AnchoredPattern(".*")), ClaimPath("realm_access")),
        (
            "equals a longer list", .equals(.array(["9007199254740992", "1"].map { .number(literal: $0) })),
            ClaimPath("list")
        ),
        ("equals a wider object", .equals(.object([.init("a", .null), .init("b", .null)])), ClaimPath("object")),
    ])
    func refusesAnUnmetCondition(_ name: String, test: ClaimCondition.Test, claim: ClaimPath) async throws {
        let bench = ExchangeBench(providers: [.vipLoyalty(conditions: [ClaimCondition(claim: claim, test: test)])])
        let token = bench.token.claim("null", .null).claim("n", .number(literal: "9007199254740992"))
            .claim("list", .array([.number(literal: "9007199254740992")]))
            .claim("big", .number(literal: "18446744073709551616"))
            .claim("fraction", .number(literal: "0.10000000000000000001"))
            .claim("object", .object([.init("a", .null)]))
        #expect(try await bench.exchange(token).refusal == .conditionNotMet)
    }

    @Test func refusesATokenThatMeetsOneOfTwoConditions() async throws {
        let conditions = ["openid", "admin"].map {
            ClaimCondition(claim: ClaimPath("scope"), test: .contains(.string($0)))
        }
        let bench = ExchangeBench(providers: [.vipLoyalty(conditions: conditions)])
        #expect(try await bench.exchange(bench.token).refusal == .conditionNotMet)
        #expect(try await bench.exchange(bench.token.claim("scope", .string("admin openid"))).refusal == nil)
    }

    /// RFC 9864 §2.2: two names for the same algorithm.
    @Test(arguments: [("EdDSA", Refusal?.none), ("Ed25519", nil), ("Ed448", .algorithmUnknown), ("ES256", .keyUnknown)])
    func acceptsEitherNameOfEdDSA(name: String, refusal: Refusal?) async throws {
        let signer = TestKeys.edDSA
        let bench = ExchangeBench(
            rules: TenantRules(algorithms: [.edDSA, .es256]), keys: IssuerKeySet([signer.verifier]))
        let token = ModelToken(issuedAt: bench.clock.now, algorithm: name, keyID: signer.keyID)
        #expect(await bench.exchange(try token.signed(by: signer)).refusal == refusal)
    }

    @Test func refusesATokenWithoutKeyIDIfTwoKeysFit() async throws {
        let keys = IssuerKeySet([TestKeys.rs256.verifier, TestKeys.stranger.verifier])
        func count(_ keyID: ExactText?, _ algorithm: SignatureAlgorithm) -> Int {
            keys.verifiers(for: IssuerKeyQuery(keyID: keyID, algorithm: algorithm)).count
        }
        #expect(count(nil, .rs256) == 0)
        #expect(count(TestKeys.rs256.keyID, .rs256) == 1)
        #expect(count(TestKeys.rs256.keyID, .rs384) == 0)
    }

    @Test(arguments: [8191, 8192])
    func acceptsATokenUpToTheLimit(count: Int) async throws {
        let bench = ExchangeBench()
        // No base64url text has 4k + 1 characters, so some lengths need another header.
        for filler in 0..<3 {
            let token = bench.token.header("x", .string(String(repeating: "h", count: filler)))
            let missing = count - (try token.signed(by: TestKeys.rs256)).count
            for padding in (missing * 3 / 4 - 20)..<(missing * 3 / 4) {
                let padded = token.claim("padding", .string(String(repeating: "p", count: padding)))
                let bytes = try padded.signed(by: TestKeys.rs256)
                guard bytes.count == count else { continue }
                #expect(await bench.exchange(bytes).refusal == nil)
                return
            }
        }
        Issue.record("no token of \(count) bytes was found")
    }
}
