import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// Who may ask the operations listener what, if it has a secret.
@Suite struct OperationsAccessTests {
    private static let secret = "a-secret-of-operations"

    private func answer(
        _ path: String, _ authorization: String?, _ bench: RoutesBench = RoutesBench(operationsSecret: secret)
    ) async throws -> (Reply, Problem?) {
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        return try await bench.answer(.get, path, headers)
    }

    @Test(arguments: ["/metrics", "/openapi.yaml"])
    func asksForTheSecret(_ path: String) async throws {
        let (none, absent) = try await answer(path, nil)
        #expect(none.status == .unauthorized && absent?.code == .operationsSecretRejected)
        #expect(none.headers[.wwwAuthenticate] == "Bearer")
        for wrong in ["a-secret-of-operation", "a-secret-of-operationsX", "A-SECRET-OF-OPERATIONS", ":", "asker:right"]
        {
            let (reply, problem) = try await answer(path, "Bearer \(wrong)")
            #expect(reply.status == .unauthorized && problem?.code == .operationsSecretRejected)
            #expect(reply.headers[.wwwAuthenticate] == #"Bearer error="invalid_token""#)
        }
        #expect(try await answer(path, RoutesBench.authorization).0.status == .unauthorized, "a verifier's is another")
        #expect(try await answer(path, "Bearer \(Self.secret)").0.status == .ok)
        #expect(try await answer(path, "bearer \(Self.secret)").0.status == .ok)
        #expect(try await answer(path, nil, RoutesBench()).0.status == .ok, "without a secret everybody may ask")
    }

    @Test func tellsProbesWithoutTheSecretTheStatusAlone() async throws {
        #expect(try await answer("/livez", nil).0.status == .ok)
        let (reply, _) = try await answer("/readyz", nil)
        #expect(String(decoding: reply.body, as: UTF8.self) == #"{"status":"degraded"}"#)
        let (wrong, _) = try await answer("/readyz", "Bearer wrong")
        #expect(wrong.status == .ok && wrong.body == reply.body)
        let whole = #"{"status":"degraded","components":{"store":{"status":"degraded"}}}"#
        for (authorization, bench) in [
            ("Bearer \(Self.secret)", RoutesBench(operationsSecret: Self.secret)), (nil, RoutesBench()),
        ] {
            let (known, _) = try await answer("/readyz", authorization, bench)
            #expect(String(decoding: known.body, as: UTF8.self) == whole)
        }
    }

    /// The verifier's credentials are in the header that the secret would need, and prove more than it.
    @Test func leavesRevocationsToVerifiers() async throws {
        let bench = RoutesBench(revocation: .all, operationsSecret: Self.secret)
        let form = Array("subject=jane".utf8)
        func status(_ authorization: String) async throws -> Int {
            try await bench.answer(
                .post, "/revocations",
                [.contentType: "application/x-www-form-urlencoded", .authorization: authorization], form
            ).0.status.code
        }
        #expect(try await status(RoutesBench.authorization) == 204)
        #expect(try await status("Bearer asker:right") == 204)
        #expect(try await status("Bearer \(Self.secret)") == 401, "the listener's secret revokes nothing")
    }

    @Test func barsSourcesThatGuess() async throws {
        let bench = RoutesBench(burst: 2, operationsSecret: Self.secret)
        for status in [401, 401, 429] {
            #expect(try await answer("/metrics", "Bearer wrong", bench).0.status.code == status)
        }
        #expect(try await answer("/metrics", "Bearer \(Self.secret)", bench).0.status.code == 429, "nor does it learn")
        #expect(try await answer("/livez", nil, bench).0.status == .ok)
    }

    @Test func aScraperKeepsItsOwnAllowance() async throws {
        let bench = RoutesBench(burst: 2, operationsSecret: Self.secret)
        #expect(try await answer("/metrics", "Bearer \(Self.secret)", bench).0.status == .ok)
        bench.bar()
        #expect(
            try await answer("/metrics", "Bearer \(Self.secret)", bench).0.status == .ok,
            "others at its address cannot bar it")
    }
}
