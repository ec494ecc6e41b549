import JOSE
import TestSupport
import Testing
import TokenExchange

/// One spoiled token for each reason to refuse a token, and a check that no reason is missing.
@Suite struct RefusalTests {
    struct Spoiled: Sendable, CustomTestStringConvertible {
        let refusal: Refusal
        let rule: String
        var rules = TenantRules()
        var provider = IdentityProvider.vipLoyalty()
        var claimsReader: any ClaimsReader = LibJWTClaimsReader()
        let make: @Sendable (ModelToken) throws -> [UInt8]

        var testDescription: String { "\(refusal.rawValue): \(rule)" }
    }

    static let table: [Spoiled] = form + trust + claims + time + kinds + providers

    @Test(arguments: table)
    func refusesWithItsOwnReason(spoiled: Spoiled) async throws {
        let bench = ExchangeBench(
            rules: spoiled.rules, providers: [spoiled.provider], claimsReader: spoiled.claimsReader)
        #expect(await bench.exchange(try spoiled.make(bench.token)).refusal == spoiled.refusal)
    }

    @Test func acceptsTheTokenThatAllOfTheseSpoil() async throws {
        let bench = ExchangeBench()
        #expect(try await bench.exchange(bench.token).externalIdentity != nil)
    }

    @Test func everyReasonIsInTheTable() {
        #expect(Set(Self.table.map(\.refusal)) == Set(Refusal.allCases))
    }
}

extension RefusalTests {
    private static func edited(
        _ refusal: Refusal, _ rule: String, rules: TenantRules = TenantRules(),
        provider: IdentityProvider = .vipLoyalty(), _ edit: @escaping @Sendable (ModelToken) -> ModelToken
    ) -> Spoiled {
        Spoiled(refusal: refusal, rule: rule, rules: rules, provider: provider) {
            try edit($0).signed(by: TestKeys.rs256)
        }
    }

    private static func rewritten(
        _ refusal: Refusal, _ rule: String, _ rewrite: @escaping @Sendable (String) -> String
    ) -> Spoiled {
        Spoiled(refusal: refusal, rule: rule) {
            Array(rewrite(String(decoding: try $0.signed(by: TestKeys.rs256), as: UTF8.self)).utf8)
        }
    }

    private static func segments(
        _ refusal: Refusal, _ rule: String, header: String? = nil, payload: String? = nil
    ) -> Spoiled {
        Spoiled(refusal: refusal, rule: rule) { token in
            let headerText = header.map { Array($0.utf8) } ?? JSONValue.object(token.header).text
            let payloadText = payload.map { Array($0.utf8) } ?? JSONValue.object(token.claims).text
            return try ModelToken.signed(
                Base64URL.encode(headerText) + [UInt8(ascii: ".")] + Base64URL.encode(payloadText), by: TestKeys.rs256)
        }
    }

    private static let form: [Spoiled] =
        [
            rewritten(.tokenTooLarge, "8193 bytes") { $0 + String(repeating: "A", count: 8193 - $0.utf8.count) },
            rewritten(.tokenTooLarge, "100,000 dots") { _ in String(repeating: ".", count: 100_000) },
            rewritten(.notThreeSegments, "two segments") { $0.split(separator: ".").dropLast().joined(separator: ".") },
            rewritten(.notThreeSegments, "four segments") { $0 + ".AAAA" },
            rewritten(.notThreeSegments, "empty signature") {
                $0.split(separator: ".").dropLast().joined(separator: ".") + "."
            },
            rewritten(.notThreeSegments, "empty header") {
                "." + $0.split(separator: ".").dropFirst().joined(separator: ".")
            },
            rewritten(.notThreeSegments, "JSON serialization") { _ in #"{"payload":"","signatures":[]}"# },
            rewritten(.notThreeSegments, "no token at all") { _ in "x" },
            rewritten(.notBase64URL, "padding") { $0 + "=" },
            rewritten(.notBase64URL, "space inside") { $0.replacing(".", with: ". ", maxReplacements: 1) },
            segments(.headerMalformed, "header is an array", header: "[]"),
            segments(
                .headerMalformed, "alg twice as deep as allowed",
                header: String(repeating: "{\"a\":", count: 20) + "1" + String(repeating: "}", count: 20)),
            segments(.headerMalformed, "typ is no string", header: #"{"alg":"RS256","typ":1}"#),
            segments(.headerDuplicateMember, "alg twice", header: #"{"alg":"RS256","alg":"RS256"}"#),
            segments(.headerDuplicateMember, "alg twice by an escape", header: #"{"alg":"RS256","\u0061lg":"none"}"#),
            edited(.keyIDMalformed, "kid of 129 characters") {
                $0.header("kid", .string(String(repeating: "k", count: 129)))
            },
            edited(.keyIDMalformed, "kid is a number") { $0.header("kid", .number(literal: "1")) },
            edited(.keyIDMalformed, "kid is empty") { $0.header("kid", .string("")) },
            segments(.claimsMalformed, "claims are a string", payload: "\"x\""),
            segments(.claimsMalformed, "exp is 1e", payload: #"{"iss":"x","exp":1e}"#),
            segments(.claimsDuplicateMember, "sub twice", payload: #"{"sub":"a","sub":"b"}"#),
            segments(.claimsDuplicateMember, "nested twice", payload: #"{"a":{"b":1,"b":2}}"#),
        ]
        + ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"].map { name in
            edited(.headerParameterForbidden, name) { $0.header(ExactText(name), .string("https://evil.example")) }
        }

    private static let denying = TenantRules(deniedKeyIDs: [TestKeys.rs256.keyID])

    private static let trust: [Spoiled] = [
        edited(.algorithmUnknown, "none") { $0.header("alg", .string("none")) },
        edited(.algorithmUnknown, "NoNe") { $0.header("alg", .string("NoNe")) },
        edited(.algorithmUnknown, "HS256 with the public key as secret") { $0.header("alg", .string("HS256")) },
        edited(.algorithmUnknown, "absent") { $0.header("alg", nil) },
        edited(.algorithmUnknown, "a list") { $0.header("alg", .array([.string("RS256")])) },
        edited(.issuerUnknown, "another host") { $0.claim("iss", .string("https://evil.example")) },
        edited(.issuerUnknown, "a trailing slash") { $0.claim("iss", .string(ModelToken.issuer + "/")) },
        edited(.issuerUnknown, "our own issuer") { $0.claim("iss", .string(ExchangeBench.publicURL)) },
        edited(.issuerUnknown, "absent") { $0.claim("iss", nil) },
        edited(.algorithmNotAllowed, "PS256 where RS256 is allowed") { $0.header("alg", .string("PS256")) },
        edited(.keyUnknown, "another kid") { $0.header("kid", .string("../../etc/passwd")) },
        edited(.keyDenied, "a denied kid", rules: denying) { $0 },
        edited(.keyDenied, "no kid, where only a denied key fits", rules: denying) { $0.header("kid", nil) },
        Spoiled(refusal: .signatureInvalid, rule: "a stranger's key") { try $0.signed(by: TestKeys.stranger) },
        Spoiled(refusal: .signatureInvalid, rule: "claims changed after signing") {
            let other = try $0.claim("sub", .string("somebody-else")).signed(by: TestKeys.stranger)
            let signature = try $0.signed(by: TestKeys.rs256).split(separator: UInt8(ascii: "."))[2]
            return Array(other.prefix(through: other.lastIndex(of: UInt8(ascii: "."))!)) + signature
        },
        Spoiled(refusal: .signatureInvalid, rule: "a signature of one byte") {
            $0.signingInput + Array(".AA".utf8)
        },
    ]

    private static let claims: [Spoiled] = [
        Spoiled(refusal: .claimsUnreadable, rule: "the claims library gives up", claimsReader: HelplessClaimsReader()) {
            try $0.signed(by: TestKeys.rs256)
        },
        edited(.subjectInvalid, "absent") { $0.claim("sub", nil) },
        edited(.subjectInvalid, "empty") { $0.claim("sub", .string("")) },
        edited(.subjectInvalid, "a number") { $0.claim("sub", .number(literal: "7")) },
        edited(.expirationInvalid, "absent") { $0.claim("exp", nil) },
        edited(.expirationInvalid, "a string") { $0.claim("exp", .string("1764003900")) },
        edited(.expirationInvalid, "negative") { $0.claim("exp", .number(literal: "-1")) },
        edited(.expirationInvalid, "beyond 2^53") { $0.claim("exp", .number(literal: "9007199254740993")) },
        edited(.expirationInvalid, "beyond 2^53 by a half") { $0.claim("exp", .number(literal: "9007199254740992.5")) },
        edited(.expirationInvalid, "beyond a double") { $0.claim("exp", .number(literal: "1e400")) },
        edited(.expirationInvalid, "below zero by less than a double tells") {
            $0.claim("exp", .number(literal: "-1e-400"))
        },
        edited(.expirationInvalid, "null") { $0.claim("exp", .null) },
        edited(.issuedAtInvalid, "absent where a maximum age is set") { $0.claim("iat", nil) },
        edited(.issuedAtInvalid, "null where a maximum age is set") { $0.claim("iat", .null) },
        edited(.issuedAtInvalid, "a string") { $0.claim("iat", .string("x")) },
        edited(.notBeforeInvalid, "an object") { $0.claim("nbf", .object([])) },
    ]

    private static func at(_ offset: Int64) -> JSONValue {
        .number(literal: String(ManualClock.start.wholeSeconds + offset))
    }

    private static let time: [Spoiled] = [
        edited(.expired, "30 s ago, at the edge of the skew") { $0.claim("exp", at(-30)) },
        edited(.notYetValid, "31 s ahead") { $0.claim("nbf", at(31)) },
        edited(.issuedInFuture, "31 s ahead") { $0.claim("iat", at(31)) },
        edited(.tooOld, "an hour and 31 s") { $0.claim("iat", at(-3631)) },
    ]

    private static let kinds: [Spoiled] = [
        edited(.headerTypeNotAllowed, "logout+jwt") { $0.header("typ", .string("logout+jwt")) },
        edited(.headerTypeNotAllowed, "application/logout+jwt") {
            $0.header("typ", .string("application/logout+jwt"))
        },
        edited(.headerTypeNotAllowed, "application/ alone") { $0.header("typ", .string("application/")) },
        edited(.headerTypeNotAllowed, "application/ twice") {
            $0.header("typ", .string("application/application/jwt"))
        },
        edited(.tokenKindNotAllowed, "ID token") { $0.claim("typ", .string("ID")) },
        edited(.tokenKindNotAllowed, "Refresh token") { $0.claim("typ", .string("Refresh")) },
        edited(.tokenKindNotAllowed, "Logout token") { $0.claim("typ", .string("Logout")) },
        edited(.tokenKindNotAllowed, "typ is no string") { $0.claim("typ", .number(literal: "1")) },
        edited(.serviceAccountNotAllowed, "by its user name") {
            $0.claim("preferred_username", .string("service-account-x"))
        },
        edited(.serviceAccountNotAllowed, "by client_id without a session") {
            $0.claim("client_id", .string("integration")).claim("sid", nil)
        },
        edited(.serviceAccountNotAllowed, "by client_id with sessions that are null") {
            $0.claim("client_id", .string("integration")).claim("sid", .null).claim("session_state", .null)
        },
        edited(.serviceAccountNotAllowed, "by clientHost") { $0.claim("clientHost", .string("10.0.0.1")) },
        edited(.serviceAccountNotAllowed, "by clientAddress") { $0.claim("clientAddress", .string("10.0.0.1")) },
        edited(.senderConstrained, "cnf") { $0.claim("cnf", .object([.init("jkt", .string("x"))])) },
    ]

    private static let providers: [Spoiled] = [
        edited(.audienceNotAllowed, "another audience", rules: TenantRules(audiences: ["wanted"])) {
            $0.claim("aud", .array([.string("a"), .string("b")]))
        },
        edited(.audienceNotAllowed, "a null audience", rules: TenantRules(audiences: ["wanted"])) {
            $0.claim("aud", .null)
        },
        edited(.partyNotAllowed, "a null client", rules: TenantRules(authorizedParties: ["wanted"])) {
            $0.claim("azp", .null)
        },
        edited(.audienceNotAllowed, "no audience", rules: TenantRules(audiences: ["wanted"])) { $0.claim("aud", nil) },
        edited(.partyNotAllowed, "another client", rules: TenantRules(authorizedParties: ["wanted"])) { $0 },
        edited(.tenantNotAllowed, "a realm this provider does not serve") {
            $0.claim("iss", .string("https://id.p.newstore.net/auth/realms/other"))
        },
        edited(
            .conditionNotMet, "a role is missing",
            provider: .vipLoyalty(conditions: [
                ClaimCondition(claim: ClaimPath("realm_access", ["roles"]), test: .contains(.string("manager")))
            ])
        ) { $0 },
        edited(
            .claimMissing, "a required claim",
            provider: .vipLoyalty(claims: [
                ClaimMapping(name: "badge", source: .firstOf([ClaimPath("badge")]), isRequired: true)
            ])
        ) { $0 },
    ]
}

private struct HelplessClaimsReader: ClaimsReader {
    func claims(_ names: [ExactText], of token: VerifiedToken) throws(ClaimsUnreadable) -> ClaimsSet {
        throw ClaimsUnreadable()
    }
}
