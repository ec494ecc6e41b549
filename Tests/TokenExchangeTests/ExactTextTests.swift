import TestSupport
import Testing
import TokenExchange

/// Text from outside is compared by its bytes, wherever it comes from and wherever it is used.
@Suite struct ExactTextTests {
    /// To Unicode the two are the same, and so they are to `String`.
    static let composed = "caf\u{E9}"
    static let decomposed = "cafe\u{301}"

    @Test func treatsTwoSpellingsOfOneCharacterAsTwoTexts() {
        #expect(Self.composed == Self.decomposed, "what this is about")
        let (one, other) = (ExactText(Self.composed), ExactText(Self.decomposed))
        #expect(one != other)
        #expect(Set([one, other]).count == 2)
        #expect([one: 1][other] == nil)
        #expect(!one.hasPrefix("cafe\u{301}") && other.hasPrefix("cafe\u{301}"))
        #expect(JSONValue.object([.init(one, .null)])[other] == nil)
    }

    @Test func isTheSameFromALiteralAStringAndBytes() {
        let literal: ExactText = "caf\u{E9}"
        let cut = ExactText(bytes: Array("a caf\u{E9} here".utf8)[2..<7])
        for text in [ExactText(Self.composed), ExactText(bytes: Array(Self.composed.utf8)), cut, cut.detached] {
            #expect(text == literal && text.hashValue == literal.hashValue)
            #expect(String(text) == Self.composed && text.count == 5)
        }
    }

    /// Bytes are compared eight at a time.
    @Test func seesADifferenceAtAnyPlace() {
        for count in 0...25 {
            let bytes = [UInt8](repeating: 0x61, count: count)
            let text = ExactText(bytes: bytes)
            #expect(text == ExactText(bytes: bytes) && text != ExactText(bytes: bytes + [0x61]))
            for place in 0..<count {
                var others = bytes
                others[place] ^= 0x80
                let other = ExactText(bytes: others)
                #expect(text != other && !text.hasPrefix(other) && !ExactText(bytes: others + bytes).hasPrefix(text))
                #expect(ExactText(bytes: bytes + others).hasPrefix(text))
            }
            #expect(ExactText(bytes: bytes + [0x62]).dropFirst(count) == "b")
        }
        #expect(("literal" as ExactText).dropFirst(3) == "eral" && !("a" as ExactText).hasPrefix("ab"))
    }

    @Test func sortsByItsBytes() {
        let texts: [ExactText] = ["b", "ab", "B", "\u{E9}", "a", "", "e\u{301}", "\u{1F9FE}", "\u{FF5E}"]
        #expect(texts.sorted().map(\.bytes) == texts.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) })
    }

    @Test func tellsBytesThatAreNotUTF8Apart() {
        #expect(ExactText(bytes: [0xC3]) != ExactText(bytes: [0xC4]))
        #expect(ExactText(bytes: [0xC3]) != "\u{FFFD}")
    }

    @Test func changesOnlyTheCaseOfASCII() {
        #expect(ExactText("AT+JWT-\u{212A}\u{C9}").lowercasedASCII == "at+jwt-\u{212A}\u{C9}")
    }

    @Test(arguments: [("", 0), ("kid", 3), (composed, 4), (decomposed, 5), ("a\u{20AC}", 2), ("\u{1F511}\u{1F511}", 2)])
    func countsScalars(text: String, count: Int) {
        #expect(ExactText(text).scalarCount == count)
    }

    @Test func isSplitAtSpacesWhateverFollowsThem() {
        #expect(ExactText("openid  \u{301}x email").words == ["openid", "\u{301}x", "email"])
    }
}

extension ExactTextTests {
    struct Spelling: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let refusal: Refusal
        var rules: @Sendable (ExactText) -> TenantRules = { _ in TenantRules() }
        var conditions: @Sendable (ExactText) -> [ClaimCondition] = { _ in [] }
        var claims: @Sendable (ExactText) -> [ClaimMapping] = { _ in [.email] }
        let edit: @Sendable (ModelToken, ExactText) -> ModelToken
    }

    private static func condition(
        _ name: String, _ test: @escaping @Sendable (ExactText) -> ClaimCondition.Test,
        on value: @escaping @Sendable (ExactText) -> JSONValue
    ) -> Spelling {
        Spelling(
            testDescription: name, refusal: .conditionNotMet,
            conditions: { [ClaimCondition(claim: ClaimPath("c"), test: test($0))] },
            edit: { $0.claim("c", value($1)) })
    }

    static let places: [Spelling] = [
        Spelling(
            testDescription: "aud", refusal: .audienceNotAllowed, rules: { TenantRules(audiences: [$0]) },
            edit: { $0.claim("aud", .string($1)) }),
        Spelling(
            testDescription: "aud in a list", refusal: .audienceNotAllowed, rules: { TenantRules(audiences: [$0]) },
            edit: { $0.claim("aud", .array([.string("a"), .string($1)])) }),
        Spelling(
            testDescription: "azp", refusal: .partyNotAllowed, rules: { TenantRules(authorizedParties: [$0]) },
            edit: { $0.claim("azp", .string($1)) }),
        Spelling(
            testDescription: "typ", refusal: .tokenKindNotAllowed, rules: { TenantRules(tokenKinds: [$0]) },
            edit: { $0.claim("typ", .string($1)) }),
        Spelling(
            testDescription: "the name of a required claim", refusal: .claimMissing,
            claims: { [ClaimMapping(name: "x", source: .firstOf([ClaimPath($0)]), isRequired: true)] },
            edit: { $0.claim($1, .string("x")) }),
        Spelling(
            testDescription: "a step on the way to a required claim", refusal: .claimMissing,
            claims: { [ClaimMapping(name: "x", source: .firstOf([ClaimPath("c", [$0])]), isRequired: true)] },
            edit: { $0.claim("c", .object([.init($1, .string("x"))])) }),
        condition("equals", { .equals(.string($0)) }, on: { .string($0) }),
        condition("equals, in a list", { .equals(.array([.string($0)])) }, on: { .array([.string($0)]) }),
        condition(
            "equals, the name of a member", { .equals(.object([.init($0, .null)])) },
            on: { .object([.init($0, .null)]) }),
        condition("contains", { .contains(.string($0)) }, on: { .array([.string("a"), .string($0)]) }),
        condition("contains, among words", { .contains(.string($0)) }, on: { .string("a \($0)") }),
        condition("any_of", { .anyOf([.string("a"), .string($0)]) }, on: { .string($0) }),
        condition("any_of, in a list", { .anyOf([.string($0)]) }, on: { .array([.string($0)]) }),
    ]

    @Test(arguments: places)
    func decidesByBytes(_ place: Spelling) async throws {
        for (configured, sent) in [(Self.composed, Self.decomposed), (Self.decomposed, Self.composed)] {
            let configured = ExactText(configured)
            let bench = ExchangeBench(
                rules: place.rules(configured),
                providers: [.vipLoyalty(claims: place.claims(configured), conditions: place.conditions(configured))])
            #expect(try await bench.exchange(place.edit(bench.token, configured)).refusal == nil)
            #expect(try await bench.exchange(place.edit(bench.token, ExactText(sent))).refusal == place.refusal)
        }
    }

    @Test func findsAKeyByTheBytesOfItsName() throws {
        let verifier = try TestKeys.verifier(named: ExactText(Self.composed))
        let keys = IssuerKeySet([verifier])
        func count(_ keyID: String) -> Int {
            keys.verifiers(for: IssuerKeyQuery(keyID: ExactText(keyID), algorithm: .rs256)).count
        }
        #expect(count(Self.composed) == 1 && count(Self.decomposed) == 0)
    }

    @Test func refusesADeniedKeyByTheBytesOfItsName() async throws {
        let verifier = try TestKeys.verifier(named: ExactText(Self.composed))
        for (denied, refusal) in [(Self.composed, Refusal.keyDenied), (Self.decomposed, nil)] {
            let bench = ExchangeBench(
                rules: TenantRules(deniedKeyIDs: [ExactText(denied)]), keys: IssuerKeySet([verifier]))
            let token = bench.token.header("kid", .string(ExactText(Self.composed)))
            #expect(try await bench.exchange(token).refusal == refusal)
        }
    }

    @Test func findsAnIssuerByItsBytes() async throws {
        let bench = ExchangeBench()
        let token = bench.token.claim("iss", .string(ModelToken.issuer + "e\u{301}"))
        #expect(try await bench.exchange(token).refusal == .issuerUnknown)
    }

    @Test func answersTwoSpellingsOfADeviceSeparately() async throws {
        let bench = ExchangeBench()
        let token = try bench.token.signed(by: TestKeys.rs256)
        let one = await bench.exchange(token, device: ExactText(Self.composed)).externalIdentity
        let other = await bench.exchange(token, device: ExactText(Self.decomposed)).externalIdentity
        #expect(one != nil && other != nil && one != other)
        #expect(await bench.exchange(token, device: ExactText(Self.composed)).externalIdentity == one)
    }

    @Test func endsTheSessionsOfASubjectByItsBytes() async throws {
        let bench = ExchangeBench()
        func identity(_ subject: String) async throws -> ExternalIdentity {
            let token = bench.token.claim("sub", .string(subject))
            return try #require(try await bench.exchange(token).externalIdentity)
        }
        let (one, other) = (try await identity(Self.composed), try await identity(Self.decomposed))
        try await bench.revocations.revoke(try #require(Cohort(.subject, ExactText(Self.composed))))
        #expect(try await bench.introspect(one).session == nil)
        #expect(try await bench.introspect(other).session != nil)
    }
}
