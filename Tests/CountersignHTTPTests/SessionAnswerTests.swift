import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// What pages and verifiers are told of a session.
@Suite struct SessionAnswerTests {
    /// Another provider than the session's, with pages of its own.
    private static let notes = IdentityProvider(
        name: "notes", tenants: ["acme-staging"], mode: .strict, deadline: .seconds(3),
        token: TokenRecipe(kind: .opaque, lifetime: .seconds(60), claims: []),
        webviewOrigins: ["https://notes.acme.example"])

    @Test(arguments: [
        ("https://loyalty.acme.example", true), ("https://notes.acme.example", false), ("https://evil.example", false),
        ("null", false),
    ])
    func letsPagesOfTheSessionsOwnProviderAloneReadIt(origin: String, isAllowed: Bool) async throws {
        let exchange = ExchangeBench(providers: [.vipLoyalty(), Self.notes])
        let identity = try #require(try await exchange.exchange(exchange.token).externalIdentity)
        let (reply, _) = try await RoutesBench(exchange).answer(
            .get, "/session",
            [.authorization: "Bearer \(String(decoding: identity.bytes, as: UTF8.self))", .origin: origin])
        #expect(reply.status == .ok)
        #expect(reply.headers[.accessControlAllowOrigin] == (isAllowed ? origin : nil))
        #expect(reply.headers[.accessControlExposeHeaders] == (isAllowed ? "X-Request-Id" : nil))
    }

    /// So that somebody who calls support has a code, whatever came of the question.
    @Test func tellsAPageTheIdOfItsQuestion() async throws {
        let exchange = ExchangeBench()
        let identity = try #require(try await exchange.exchange(exchange.token).externalIdentity)
        for (token, status) in [(identity.bytes, 200), (Array("x".utf8), 401)] {
            let (reply, _) = try await RoutesBench(exchange).answer(
                .get, "/session",
                [
                    .authorization: "Bearer \(String(decoding: token, as: UTF8.self))",
                    .origin: "https://loyalty.acme.example",
                ])
            #expect(reply.status.code == status && reply.headers[.accessControlExposeHeaders] == "X-Request-Id")
            #expect(try JSONValue(parsing: reply.body)["request_id"] == .string("test"))
        }
    }

    @Test func tellsAVerifierThatASessionIsUnconfirmedWhileTheStoreIsAway() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let exchange = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], clock: clock, store: store)
        let identity = try #require(try await exchange.exchange(exchange.token).externalIdentity)
        for (fault, session) in [(SessionStoreFailure.Cause?.none, ExactText?.none), (.timedOut, "unconfirmed")] {
            store.fail(with: fault)
            let (reply, _) = try await RoutesBench(exchange).answer(
                .post, "/introspect",
                [.contentType: "application/x-www-form-urlencoded", .authorization: RoutesBench.authorization],
                Array("token=".utf8) + identity.bytes)
            let answer = try JSONValue(parsing: reply.body)
            #expect(answer["active"] == .bool(true) && answer["session"]?.string == session)
        }
    }
}
