import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// One probe of a service that does what it should, and of services that do not.
@Suite struct ProberTests {
    @Test func findsThatAServiceDoesWhatItShould() async throws {
        let service = try await ProbedService.start()
        let report = try #require(try await service.report())
        #expect(report.steps.map(\.step) == ProbeStep.allCases)
        #expect(report.steps.allSatisfy { $0.outcome == .pass && $0.detail == nil }, "\(report.text)")
        #expect(report.outcome == .pass)
        #expect(
            service.requests.map(\.uri) == [
                "/post_login_callback/probe", "/introspect", "/revoke", "/introspect", "/post_login_callback/probe",
                "/post_login_callback/probe", "/post_login_callback/probe",
            ])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let step: ProbeStep
        let answer: FakeHTTPServer.Answer
        let outcome: ProbeOutcome
        let detail: String

        init(
            _ step: ProbeStep, _ answer: FakeHTTPServer.Answer, _ detail: String, as outcome: ProbeOutcome = .fail
        ) {
            self.step = step
            self.answer = answer
            self.outcome = outcome
            self.detail = detail
        }

        var testDescription: String { "\(step): \(detail)" }
    }

    private static let token = FakeHTTPServer.Answer.body(#"{"external_identity":"csx_MARKER.identity"}"#)
    private static let null = FakeHTTPServer.Answer.body(#"{"external_identity":null}"#)
    private static let degraded = FakeHTTPServer.Answer.body(
        #"{"external_identity":"csx_MARKER.identity"}"#, headers: ["Countersign-Degraded": "MARKER"])

    static let cases = [
        Case(
            .login, .problem(503, "session_store_unavailable"),
            "expected 200 with an external identity, found 503 session_store_unavailable"),
        Case(
            .login, .problem(401, "token_rejected"), "expected 200 with an external identity, found 401 token_rejected"),
        Case(.login, .problem(403, "MARKER"), "expected 200 with an external identity, found 403"),
        Case(.login, null, "expected 200 with an external identity, found 200"),
        Case(.login, .body(#"{"external_identity":""}"#), "expected 200 with an external identity, found 200"),
        Case(.login, .body(#"{"external_identity":"a&b=c"}"#), "expected 200 with an external identity, found 200"),
        Case(.login, .body("MARKER", status: 201), "expected 200 with an external identity, found 201"),
        Case(.login, degraded, "answered 200, but without the session store or another part (Countersign-Degraded)"),
        Case(.login, .garbage, "no answer: no valid HTTP"),
        Case(
            .introspection, .problem(401, "verifier_rejected"),
            "expected 200 with `active`, found 401 verifier_rejected"),
        Case(.introspection, .body(#"{"active":"MARKER"}"#), "expected 200 with `active`, found 200"),
        Case(.introspection, .body(#"{"active":false}"#), "expected an active session, found none"),
        Case(
            .introspection, .body(ProbedService.active.dropLast() + #","session":"unconfirmed"}"#),
            "the session is unconfirmed: the store cannot be asked"),
        Case(
            .introspection, .body(ProbedService.active.replacing("countersign-probe", with: "MARKER")),
            "expected the probe's own session, found another one"),
        Case(
            .introspection, .body(ProbedService.active.replacing(#""probe""#, with: #""MARKER""#)),
            "expected the probe's own session, found another one"),
        Case(.revocation, .status(503), "expected 200, found 503"),
        Case(
            .revoked, .body(ProbedService.active),
            "expected no active session after its revocation, found one", as: .accepted),
        Case(.revoked, .status(503), "expected 200 with `active`, found 503"),
        Case(.expired, token, "expected token_expired, found an external identity", as: .accepted),
        Case(.expired, .problem(401, "token_rejected"), "expected token_expired, found 401 token_rejected"),
        Case(.badSignature, token, "expected token_rejected, found an external identity", as: .accepted),
        Case(.badSignature, degraded, "expected token_rejected, found an external identity", as: .accepted),
        Case(.badSignature, .problem(429, "rate_limited"), "expected token_rejected, found 429 rate_limited"),
        Case(.badSignature, .problem(200, "token_rejected"), "expected token_rejected, found 200 token_rejected"),
        Case(.wrongKind, token, "expected token_kind_not_allowed, found an external identity", as: .accepted),
        Case(.wrongKind, null, "expected token_kind_not_allowed, found 200"),
        Case(.wrongKind, .status(500), "expected token_kind_not_allowed, found 500"),
    ]

    @Test(arguments: cases) func tellsWhatIsWrong(_ example: Case) async throws {
        let service = try await ProbedService.start([example.step: example.answer])
        let report = try #require(try await service.report())
        let found = try #require(report[example.step])
        #expect(found.outcome == example.outcome && found.detail == example.detail, "\(report.text)")
        #expect(report.outcome == example.outcome)
        let dependent: [ProbeStep] =
            example.step == .login
            ? [.introspection, .revocation, .revoked] : example.step == .revocation ? [.revoked] : []
        for step in ProbeStep.allCases where step != example.step {
            #expect(report[step]?.outcome == (dependent.contains(step) ? .skipped : .pass), "\(step)")
        }
    }

    @Test func namesTheBreachBeforeTheFailure() async throws {
        let service = try await ProbedService.start([.login: .status(503), .expired: Self.token])
        #expect(try await service.report()?.outcome == .accepted)
    }

    @Test func waitsNoLongerThanItIsTold() async throws {
        let service = try await ProbedService.start([.login: .silence], more: ", timeout: 2s")
        let report = try #require(try await service.report())
        #expect(report[.login]?.detail == "no answer: timed out: no whole answer within 2s", "\(report.text)")
        #expect(report[.expired]?.outcome == .pass)
    }

    @Test func printsALineForEachStepAndTheSameAsJSON() async throws {
        let service = try await ProbedService.start([.expired: Self.token, .revocation: .status(500)])
        let report = try #require(try await service.report())
        let lines = report.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines == [
                "pass      login: 0.0 ms", "pass      introspection: 0.0 ms",
                "fail      revocation: 0.0 ms, expected 200, found 500", "skipped   revoked: a step before has failed",
                "ACCEPTED  expired: 0.0 ms, expected token_expired, found an external identity",
                "pass      bad_signature: 0.0 ms", "pass      wrong_kind: 0.0 ms", "",
                "\(service.url) accepts what it must refuse: treat it as a breach",
            ])
        let json = try JSONValue(parsing: Array(report.json.utf8))
        #expect(json["outcome"]?.string == "accepted" && json["url"]?.string == ExactText(service.url))
        guard case .array(let steps) = json["steps"] else {
            Issue.record("no steps: \(report.json)")
            return
        }
        #expect(steps.map { $0["step"]?.string } == ProbeStep.allCases.map { ExactText($0.rawValue) })
        #expect(steps[2]["outcome"]?.string == "fail" && steps[2]["detail"]?.string == "expected 200, found 500")
        #expect(steps[0]["detail"] == .null && steps[0]["seconds"]?.number == 0)
    }

    /// Neither what it sends nor what it is sent.
    @Test(arguments: cases) func showsNothingOfTokensAndSecrets(_ example: Case) async throws {
        let service = try await ProbedService.start([example.step: example.answer])
        let report = try #require(try await service.report())
        #expect(!(report.text + report.json).contains("MARKER") && !(report.text + report.json).contains("eyJ"))
    }

    @Test(arguments: [
        "http://identity.acme.example", "https://identity.acme.example/", "https://me@identity.acme.example", "x",
        "https://identity.acme.example?a",
    ])
    func refusesAnAddressThatMayShowItsSecret(url: String) throws {
        let folder = try CountersignProcess.prepareProbed()
        let configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        let error = #expect(throws: StartUpError.self) { try Prober(configuration, at: url) }
        #expect(error.text.hasPrefix("expected the URL of the service, https or on this machine"))
    }
}
