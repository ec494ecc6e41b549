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

    /// The line of one rule for a token.
    private func line(
        _ rule: String, _ provider: IdentityProvider = .vipLoyalty(), rules: TenantRules = TenantRules(),
        clockError: Duration = .zero, _ change: (ModelToken) -> ModelToken
    ) async throws -> TokenExplanation.Line {
        let bench = ExchangeBench(rules: rules, providers: [provider])
        let token = change(bench.token)
        bench.clock.setError(clockError)
        let lines = await explain(try token.signed(by: TestKeys.rs256), with: bench).lines
        return try #require(lines.first { $0.rule == rule })
    }

    @Test func namesTheConditionThatFailsAndWhatItDemands() async throws {
        let roles = ClaimPath("realm_access", ["roles"])
        let provider = IdentityProvider.vipLoyalty(conditions: [
            ClaimCondition(claim: roles, test: .contains(.string("store_associate"))),
            ClaimCondition(claim: ClaimPath("email"), test: .matches(try AnchoredPattern(#".*@acme\.example"#))),
            ClaimCondition(claim: ClaimPath("azp"), test: .anyOf([.string("a"), .number(literal: "1")])),
            ClaimCondition(claim: ClaimPath("level"), test: .equals(.number(literal: "3"))),
        ])
        let line = try await line("conditions", provider) { $0 }
        #expect(
            line.expected == #"conditions[0]: [realm_access, roles] contains "store_associate"; "#
                + #"conditions[1]: email matches ".*@acme\\.example"; conditions[2]: azp is any of ["a",1]; "#
                + "conditions[3]: level equals 3")
        #expect(line.found.hasPrefix("conditions[0] holds: [realm_access, roles]: an array of 3 elements; "))
        #expect(line.found.contains("conditions[1] does not hold: email: a string of 25 characters; "))
        #expect(line.found.hasSuffix("conditions[3] does not hold: level: absent"), "\(line.found)")
        #expect(line.value?.contains("jane.operator") == true && !line.found.contains("jane"))
    }

    @Test func tellsANameWithDotsFromAPath() async throws {
        func found(_ path: ClaimPath, _ change: (ModelToken) -> ModelToken = { $0 }) async throws -> String {
            let condition = ClaimCondition(claim: path, test: .contains(.string("store_associate")))
            return try await line("conditions", .vipLoyalty(conditions: [condition]), change).found
        }
        #expect(
            try await found(ClaimPath("realm_access.roles")).hasSuffix(
                "absent, as a name with dots is one name; the token has it as a path: write [realm_access, roles]"))
        let nested = JSONValue.object([.init("c.d", .bool(true))])
        #expect(
            try await found(ClaimPath("a.b.c.d")) { $0.claim("a.b", nested) }.hasSuffix("write [a.b, c.d]"))
        #expect(
            try await found(ClaimPath("acme", ["role"])) { $0.claim("acme.role", .string("x")) }.hasSuffix(
                #"as a list is a path; the token has it as one name with dots: write "acme.role""#))
        #expect(try await found(ClaimPath("realm_access.groups")).hasSuffix(": absent"))
        let mapping = ClaimMapping(name: "x", source: .firstOf([ClaimPath("realm_access.roles")]), isRequired: true)
        let mapped = try await line("mapped_claims", .vipLoyalty(claims: [mapping])) { $0 }
        #expect(mapped.outcome == .fail && mapped.found.hasSuffix("write [realm_access, roles]"))
    }

    @Test func showsValuesThatEverybodyKnows() async throws {
        let none = try await line("algorithm_known") { $0.header("alg", .string("none")) }
        #expect(none.outcome == .fail && none.found == #""none""#)
        let odd = try await line("algorithm_known") { $0.header("alg", .string("MARKER")) }
        #expect(odd.outcome == .fail && odd.found == "a string of 6 characters")
        #expect(try await line("token_kind") { $0.claim("typ", .string("Refresh")) }.found == #""Refresh""#)
        let own = try await line("token_kind", rules: TenantRules(tokenKinds: ["Till"])) {
            $0.claim("typ", .string("Till"))
        }
        #expect(own.outcome == .pass && own.found == #""Till""#, "the configuration shows it already")
        #expect(try await line("header_type") { $0.header("typ", .string("logout+jwt")) }.found == #""logout+jwt""#)
        #expect(
            try await line("header_type") { $0.header("typ", .string("MARKER")) }.found == "a string of 6 characters")
    }

    @Test func saysWhoseClockIsAhead() async throws {
        func found(_ clockError: Duration, _ change: (ModelToken) -> ModelToken = { $0 }) async throws -> String {
            let line = try await line("validity_period", clockError: clockError, change)
            #expect(line.outcome == .fail)
            return line.found
        }
        let behind = try await found(.seconds(-45))
        #expect(
            behind.hasPrefix(
                "issued_in_future: off by -45.0 s (iat in 45.0 s, exp in 345.0 s); the issuer's clock is ahead"))
        #expect(behind.hasSuffix("it is 2025-11-24T16:59:15Z by the clock of this machine"), "\(behind)")
        let start = ManualClock.start.wholeSeconds
        let later = try await found(.zero) { $0.claim("nbf", .number(literal: "\(start + 60)")) }
        #expect(later.contains("the issuer wants it to be used later, or its clock is ahead"))
        let both = try await found(.seconds(-45)) { $0.claim("nbf", .number(literal: "\(start)")) }
        #expect(
            both.contains("not_yet_valid") && both.contains("the issuer's clock is ahead, or our clock is behind"))
        #expect(try await found(.seconds(331)).contains("the token is old, or our clock is ahead of the issuer's"))
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
