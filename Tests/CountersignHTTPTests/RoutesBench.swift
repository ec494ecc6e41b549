import CountersignHTTP
import Foundation
import HTTPTypes
import JOSE
import TestSupport
import TokenExchange

/// The routes of both listeners over real use cases, at a clock that stands still, for callers without sockets.
struct RoutesBench {
    static let verifier = Verifier(id: "asker", identityProviders: ["vip-loyalty"], revocation: .none)
    static let secret = "right"
    static let authorization = "Basic " + Data("\(verifier.id):\(secret)".utf8).base64EncodedString()

    /// Of the operations listener; all others are of the public one.
    private static let operationsPaths: Set = [
        "/livez", "/readyz", "/metrics", "/openapi.yaml", "/revocations", "/status",
    ]

    let exchange: ExchangeBench
    let limiter: RateLimiter
    private let publicRoutes: PublicRoutes
    private let operationsRoutes: OperationsRoutes

    /// - Parameters:
    ///   - burst: refusals that a source can afford; one comes back each second.
    ///   - admission: nil for one that sheds nothing unless a request has waited too long.
    ///   - revocation: what the verifier may revoke.
    ///   - operationsSecret: what requests to the operations listener must present; nil if they need nothing.
    init(
        _ bench: ExchangeBench = ExchangeBench(), burst: Int = 3, admission: AdmissionControl? = nil,
        revocation: Verifier.Revocation = .none, operationsSecret: String? = nil
    ) {
        exchange = bench
        let limiter = RateLimiter(.init(requestsPerSecond: 1, burst: burst, sources: 100), time: bench.clock.time)
        self.limiter = limiter
        let verifier = Verifier(
            id: Self.verifier.id, identityProviders: Self.verifier.identityProviders, revocation: revocation)
        let verifiers = VerifierDirectory([.init(verifier, secret: Self.secret)], sealer: OpenSSLRecordSealer())
        publicRoutes = PublicRoutes(
            exchange: bench.exchange, introspect: bench.introspect, revoke: bench.revoke, verifiers: verifiers,
            providers: IdentityProviderDirectory(bench.providers, defaultName: nil),
            issuer: ExactText(ExchangeBench.publicURL), keySet: TestKeys.ring.publishedKeySet,
            keySetMaximumAge: .seconds(600), bodyLimit: 32_768, jsonLimits: JSONLimits(), limiter: limiter,
            admission: admission ?? AdmissionControl(.init(requestsInProgress: 1000, queueingTime: .milliseconds(100))))
        operationsRoutes = OperationsRoutes(
            readiness: { Readiness(components: [.init(name: "store", status: .degraded)]) }, metrics: { "" },
            status: { Page(title: "status") { "fine" } }, revocations: bench.revocations,
            verifiers: { verifiers }, isConfigured: { _ in true }, bodyLimit: 32_768, limiter: limiter,
            secret: { operationsSecret.map { OperationsSecret($0, sealer: OpenSSLRecordSealer()) } })
    }

    /// Spends all that a source has.
    func bar(_ source: UInt64 = 1) {
        while (try? limiter.spend(RequestSource(network: source), reason: "spent")) != nil {}
    }

    /// The answer, and the problem that it is of.
    func answer(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], _ body: [UInt8] = [],
        from source: UInt64 = 1, arrivedAt: Duration? = nil
    ) async throws -> (Reply, Problem?) {
        try await answer(
            method, path, headers, GivenBody(bytes: body), from: source, arrivedAt: arrivedAt)
    }

    func answer(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields, _ body: any RequestBody,
        from source: UInt64 = 1, arrivedAt: Duration? = nil, delay: QueueingDelay = .none
    ) async throws -> (Reply, Problem?) {
        let lines = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        let request = IncomingRequest(
            try RequestHead.reading("\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n"), id: "test",
            source: RequestSource(network: source), arrivedAt: arrivedAt ?? exchange.clock.time.elapsed(),
            delay: delay, body: body)
        do {
            if Self.operationsPaths.contains(path) { return (try await operationsRoutes.reply(to: request), nil) }
            return (try await publicRoutes.reply(to: request), nil)
        } catch {
            let problem = Problem(error)
            return (problem.reply(requestID: "test"), problem)
        }
    }
}
