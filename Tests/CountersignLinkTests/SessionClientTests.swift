import CountersignLink
import Foundation
import TestSupport
import Testing

/// What the kit concludes from an answer: only Countersign's own word makes a session.
@Suite struct SessionClientTests {
    private static let good =
        #"{"active":true,"identity_provider":"vip-loyalty","tenant":"acme","sub":"jane","exp":1764014400}"#

    private static func answer(_ body: String, status: Int = 200) -> FakeHTTPServer.Answer {
        .whole(status: status, headers: ["Content-Type": "application/json"], body: Array(body.utf8))
    }

    private func identity() throws -> ExternalIdentity { try DeepLink(SampleLink.spellings[0]).externalIdentity }

    private func session(
        _ answer: FakeHTTPServer.Answer, provider: String = "vip-loyalty", timeLimit: Duration = .seconds(30)
    ) async throws -> Session {
        let server = try await FakeCountersign.start(answer)
        let client = SessionClient(
            service: try #require(URL(string: server.url)), identityProvider: provider, timeLimit: timeLimit)
        let result: Result<Session, any Error>
        do { result = .success(try await client.session(of: try identity())) } catch { result = .failure(error) }
        let request = try #require(server.requests.first)
        #expect(server.requestCount == 1 && request.uri == "/session" && request.method == "GET")
        #expect(request.header("Authorization") == "Bearer \(SampleLink.identity)")
        try await server.stop()
        return try result.get()
    }

    @Test func bringsTheSession() async throws {
        let session = try await session(Self.answer(Self.good))
        #expect(session.identityProvider == "vip-loyalty" && session.tenant == "acme" && session.subject == "jane")
        #expect(session.expiresAt == Date(timeIntervalSince1970: 1_764_014_400) && session.isConfirmed)
        let unconfirmed = Self.good.replacing("}", with: #","session":"unconfirmed"}"#)
        #expect(try await !self.session(Self.answer(unconfirmed)).isConfirmed)
    }

    @Test func refusesWhatCountersignRefuses() async throws {
        await #expect(throws: SessionError.refused) { try await session(Self.answer("{}", status: 401)) }
        await #expect(throws: SessionError.refused) { try await session(Self.answer(Self.good), provider: "notes") }
    }

    @Test func tellsProvidersApartByTheirBytes() async throws {
        let composed = Self.good.replacing("vip-loyalty", with: "caf\u{E9}")
        #expect(try await session(Self.answer(composed), provider: "caf\u{E9}").subject == "jane")
        await #expect(throws: SessionError.refused) {
            try await session(Self.answer(composed), provider: "cafe\u{301}")
        }
    }

    @Test(arguments: [
        answer(good, status: 503), answer(good, status: 429), answer(good, status: 500), answer(good, status: 203),
        answer(""), answer("<p>Welcome"), answer("{}"), answer("null"), answer("[]"), answer(#"{"active":false}"#),
        answer(good.replacing("true", with: "\"true\"")), answer(good.replacing("\"jane\"", with: "null")),
        answer(good.replacing("1764014400", with: "\"soon\"")), answer(String(good.dropLast())),
        answer(good.replacing("}", with: ",\"x\":\"\(String(repeating: "x", count: 70_000))\"}")),
        .whole(status: 302, headers: ["Location": "/elsewhere"], body: []), .cutOff, .garbage, .endless,
    ])
    func takesNoOtherAnswerForOne(answer: FakeHTTPServer.Answer) async throws {
        await #expect(throws: SessionError.unreachable) { try await session(answer) }
    }

    @Test(arguments: [FakeHTTPServer.Answer.silence, .drip]) func endsInTime(answer: FakeHTTPServer.Answer) async throws
    {
        await #expect(throws: SessionError.unreachable) { try await session(answer, timeLimit: .milliseconds(300)) }
    }

    @Test func boundsTheAnswer() async throws {
        let server = try await FakeCountersign.start(Self.answer(Self.good))
        let service = try #require(URL(string: server.url))
        let size = Self.good.utf8.count
        func ask(_ maximum: Int) async throws -> String {
            try await SessionClient(service: service, identityProvider: "vip-loyalty", maximumBytes: maximum)
                .session(of: identity()).subject
        }
        #expect(try await ask(size + 1) == "jane")
        #expect(try await ask(size) == "jane")
        await #expect(throws: SessionError.unreachable) { try await ask(size - 1) }
        try await server.stop()
        await #expect(throws: SessionError.unreachable) { try await ask(size) }
    }
}
