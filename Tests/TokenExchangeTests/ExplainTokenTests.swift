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
        #expect(explanation.lines.map(\.rule) == VerificationRule.allCases)
        #expect(explanation.lines.allSatisfy { $0.outcome == .pass && $0.remedy == nil && !$0.expected.isEmpty })
    }

    /// The verdict is that of the exchange: same reason, at the rule that the reason belongs to.
    @Test(arguments: RefusalTests.table)
    func failsTheRuleThatTheExchangeRefusedBy(spoiled: RefusalTests.Spoiled) async throws {
        let bench = ExchangeBench(
            rules: spoiled.rules, providers: [spoiled.provider], claimsReader: spoiled.claimsReader)
        let explanation = await explain(try spoiled.make(bench.token), with: bench)
        #expect(explanation.reason == spoiled.refusal.rawValue)
        let failing = try #require(explanation.lines.firstIndex { $0.outcome == .fail })
        #expect(explanation.lines[failing].rule == spoiled.refusal.rule)
        #expect(explanation.lines[failing].remedy?.isEmpty == false)
        #expect(explanation.lines[..<failing].allSatisfy { $0.outcome == .pass })
        #expect(explanation.lines[(failing + 1)...].allSatisfy { $0.outcome == .notReached && $0.found.isEmpty })
    }

    /// Faults are put in from the last rule to the first; each time the earlier one is what is reported.
    @Test func reportsRulesInTheOrderInWhichTheyAreLookedAt() async throws {
        let provider = IdentityProvider.vipLoyalty(
            claims: [ClaimMapping(name: "x", source: .firstOf([ClaimPath("x")]), isRequired: true)],
            conditions: [ClaimCondition(claim: ClaimPath("y"), test: .equals(.bool(true)))])
        let rules = TenantRules(audiences: ["account"], authorizedParties: ["newstore-associate-app"])
        let bench = ExchangeBench(rules: rules, providers: [provider])
        var token = bench.token.claim("y", .bool(true))
        let faults: [(VerificationRule, (ModelToken) -> ModelToken)] = [
            (.mappedClaims, { $0 }),
            (.conditions, { $0.claim("y", nil) }),
            (.authorizedParty, { $0.claim("azp", nil) }),
            (.audience, { $0.claim("aud", nil) }),
            (.validityPeriod, { $0.claim("exp", .number(literal: "1")) }),
            (.senderConstraint, { $0.claim("cnf", .object([])) }),
            (.serviceAccount, { $0.claim("clientHost", .string("x")) }),
            (.tokenKind, { $0.claim("typ", .string("ID")) }),
            (.headerType, { $0.header("typ", .string("x")) }),
            (.notBefore, { $0.claim("nbf", .string("x")) }),
            (.issuedAt, { $0.claim("iat", nil) }),
            (.expiration, { $0.claim("exp", nil) }),
            (.subject, { $0.claim("sub", nil) }),
            (.key, { $0.header("kid", .string("x")) }),
            (.algorithmAllowed, { $0.header("alg", .string("ES256")) }),
            (.issuer, { $0.claim("iss", nil) }),
            (.keyID, { $0.header("kid", .null) }),
            (.algorithmKnown, { $0.header("alg", .string("none")) }),
            (.headerParameters, { $0.header("jku", .string("x")) }),
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
        #expect(lines.first { $0.rule == .subject }?.found == "a string of 6 characters")
        #expect(lines.first { $0.rule == .subject }?.value == #""MARKER""#)
    }

    @Test func blamesOurselvesWhereNoTokenFitsTheLimit() async throws {
        let tiny = TokenRecipe.Kind.jwt(.init(algorithm: .es256, audience: "x", maximumBytes: 10))
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: tiny)])
        let explanation = await explain(try bench.token.signed(by: TestKeys.rs256), with: bench)
        #expect(explanation.reason == "mint_failed")
        #expect(explanation.lines.last?.outcome == .fail)
        #expect(explanation.lines.last?.found.contains("maximum_bytes allows 10") == true)
    }
}
