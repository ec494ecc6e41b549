import TestSupport
import Testing
import TokenExchange

@Suite struct ExplainTokenTests {
    private func explain(_ bytes: [UInt8], with bench: ExchangeBench) async -> TokenExplanation {
        await bench.explain(IdentityToken(bytes: bytes), for: bench.providers[0], at: bench.clock.now, within: .zero)
    }

    @Test func passesEveryRuleOfAGoodToken() async throws {
        let bench = ExchangeBench()
        let explanation = await explain(try bench.token.signed(by: TestKeys.rs256), with: bench)
        #expect(explanation.isAllowed)
        let names = [
            "size", "segments", "encoding", "header", "header_parameters", "algorithm_known", "key_id", "claims_form",
            "issuer", "algorithm_allowed", "key_not_denied", "key", "signature", "claims_readable", "subject",
            "expiration", "issued_at", "not_before", "header_type", "token_kind", "service_account",
            "sender_constraint", "validity_period", "audience", "authorized_party", "tenant", "conditions",
            "mapped_claims", "mint",
        ]
        #expect(explanation.lines.map(\.rule) == names)
        #expect(explanation.lines.allSatisfy { $0.outcome == .pass && $0.remedy == nil && !$0.expected.isEmpty })
    }

    private func rule(of refusal: Refusal) -> String? {
        ExplainToken.rules.first { $0.refusals.contains(refusal) }?.name.description
    }

    @Test func everyRefusalBelongsToOneRule() {
        let refusals = ExplainToken.rules.flatMap(\.refusals)
        #expect(refusals.count == Set(refusals).count)
        #expect(Set(refusals) == Set(Refusal.allCases))
    }

    /// The verdict is that of the exchange: the same reason, at the rule that it belongs to.
    @Test(arguments: RefusalTests.table)
    func failsTheRuleThatTheExchangeRefusedFor(spoiled: RefusalTests.Spoiled) async throws {
        let bench = ExchangeBench(
            rules: spoiled.rules, providers: [spoiled.provider], claimsReader: spoiled.claimsReader)
        let explanation = await explain(try spoiled.make(bench.token), with: bench)
        #expect(explanation.reason == spoiled.refusal.rawValue)
        let failing = try #require(explanation.lines.firstIndex { $0.outcome == .fail })
        #expect(explanation.lines[failing].rule == rule(of: spoiled.refusal))
        #expect(explanation.lines[failing].remedy?.isEmpty == false)
        #expect(explanation.lines[..<failing].allSatisfy { $0.outcome == .pass })
        #expect(explanation.lines[(failing + 1)...].allSatisfy { $0.outcome == .notReached && $0.found.isEmpty })
    }

    /// Faults are added from the last rule to the first; each time the newest one is reported.
    @Test func reportsRulesInTheOrderInWhichTheyAreChecked() async throws {
        let provider = IdentityProvider.vipLoyalty(
            claims: [ClaimMapping(name: "x", source: .firstOf([ClaimPath("x")]), isRequired: true)],
            conditions: [ClaimCondition(claim: ClaimPath("y"), test: .equals(.bool(true)))])
        let rules = TenantRules(audiences: ["account"], authorizedParties: ["newstore-associate-app"])
        let bench = ExchangeBench(rules: rules, providers: [provider])
        var token = bench.token.claim("y", .bool(true))
        let faults: [(String, (ModelToken) -> ModelToken)] = [
            ("mapped_claims", { $0 }),
            ("conditions", { $0.claim("y", nil) }),
            ("authorized_party", { $0.claim("azp", nil) }),
            ("audience", { $0.claim("aud", nil) }),
            ("validity_period", { $0.claim("exp", .number(literal: "1")) }),
            ("sender_constraint", { $0.claim("cnf", .object([])) }),
            ("service_account", { $0.claim("clientHost", .string("x")) }),
            ("token_kind", { $0.claim("typ", .string("ID")) }),
            ("header_type", { $0.header("typ", .string("x")) }),
            ("not_before", { $0.claim("nbf", .string("x")) }),
            ("issued_at", { $0.claim("iat", nil) }),
            ("expiration", { $0.claim("exp", nil) }),
            ("subject", { $0.claim("sub", nil) }),
            ("key", { $0.header("kid", .string("x")) }),
            ("algorithm_allowed", { $0.header("alg", .string("ES256")) }),
            ("issuer", { $0.claim("iss", nil) }),
            ("key_id", { $0.header("kid", .null) }),
            ("algorithm_known", { $0.header("alg", .string("none")) }),
            ("header_parameters", { $0.header("jku", .string("x")) }),
        ]
        for (rule, spoil) in faults {
            token = spoil(token)
            let explanation = await explain(try token.signed(by: TestKeys.rs256), with: bench)
            #expect(explanation.lines.first { $0.outcome == .fail }?.rule == rule)
        }
    }

    @Test func showsShapesAndKeepsValuesApart() async throws {
        let bench = ExchangeBench()
        let token = bench.token.claim("sub", .string("MARKER")).claim("email", .string("MARKER")).claim(
            "typ", .string("MARKER"))
        let lines = await explain(try token.signed(by: TestKeys.rs256), with: bench).lines
        #expect(lines.allSatisfy { !$0.found.contains("MARKER") && !$0.expected.contains("MARKER") })
        #expect(lines.first { $0.rule == "subject" }?.found == "a string of 6 characters")
        #expect(lines.first { $0.rule == "subject" }?.value == #""MARKER""#)
    }

    @Test func blamesUsIfNoTokenFitsTheLimit() async throws {
        let tiny = TokenRecipe.Kind.jwt(.init(algorithm: .es256, audience: "x", maximumBytes: 10))
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: tiny)])
        let explanation = await explain(try bench.token.signed(by: TestKeys.rs256), with: bench)
        #expect(explanation.reason == "mint_failed")
        #expect(explanation.lines.last?.outcome == .fail)
        #expect(explanation.lines.last?.found.contains("maximum_bytes allows 10") == true)
    }
}
