import NIOSSL
import Outbound
import TestSupport
import TokenExchange
import UpstreamTokens

enum HTTPVersion: CaseIterable {
    case http1
    /// Over TLS, where it is negotiated.
    case http2
}

protocol LocalServer: Sendable {
    var url: String { get }
    func stop() async throws
}

extension FakeHTTPServer: LocalServer {}
extension ByteServer: LocalServer {}

/// A service under test before a fake one.
struct RunningUpstream<Server: LocalServer> {
    let fake: Server
    let log = RecordedLog()
    let service: UpstreamService

    init(
        _ fake: Server, transport: UpstreamTransport = UpstreamTransport(),
        outbound: OutboundTransport = OutboundTransport(), tls: TLSConfiguration = .makeClientConfiguration(),
        headers: [UpstreamField] = [], body: [UpstreamField] = [.constant("kind", "loyalty")],
        format: UpstreamEndpoint.Format = .json,
        expiry: UpstreamEndpoint.Expiry? = JSONPointer("/expires_in").map(UpstreamEndpoint.Expiry.inSeconds),
        statuses: Set<Int> = [200], access: UpstreamAccess? = nil, maximumBytes: Int = 4096,
        time: TimeSource = .machine
    ) throws {
        self.fake = fake
        let endpoint = UpstreamEndpoint(
            url: ExactText(fake.url), format: format, tokenAt: JSONPointer("/token")!, expiry: expiry,
            successStatuses: statuses)
        service = UpstreamService(
            UpstreamRecipe(
                endpoint: endpoint, transport: transport, headers: headers, body: body, access: access,
                maximumBytes: maximumBytes),
            outbound, tls: try OutboundClient.context(tls), time: time, jitter: { 0.5 }, logger: log.logger)
    }

    /// - Throws: ``UpstreamFailure``.
    func token(
        within budget: Duration = .seconds(3), claims: [ExactText: JSONValue] = [:],
        trace: RequestTrace = RequestTrace()
    ) async throws -> UpstreamToken {
        try await service.token(for: try request(claims: claims, trace: trace), within: budget)
    }

    func trial() async throws -> UpstreamService.Trial {
        try await service.trial(try request(claims: [:], trace: RequestTrace()), within: .seconds(3))
    }

    private func request(claims: [ExactText: JSONValue], trace: RequestTrace) throws -> UpstreamRequest {
        try UpstreamRequest(
            service.recipe, provider: "points", claims: ClaimsSet(claims.map { .init($0.key, $0.value) }),
            identityToken: IdentityToken(bytes: Array("MARKERIDENTITY".utf8)), trace: trace)
    }

    /// Why there is no token; nil if there is one.
    func failure(within budget: Duration = .seconds(3)) async throws -> UpstreamFailure? {
        do {
            _ = try await token(within: budget)
            return nil
        } catch let failure as UpstreamFailure { return failure }
    }

    func end() async throws {
        service.shutDown()
        try await fake.stop()
    }
}

extension RunningUpstream<FakeHTTPServer> {
    static func start(
        _ version: HTTPVersion, _ answer: FakeHTTPServer.Answer = .freshToken(),
        transport: UpstreamTransport = UpstreamTransport()
    ) async throws -> RunningUpstream {
        guard version == .http2 else { return try .init(try await FakeUpstream.start(answer), transport: transport) }
        let certificate = try TestCertificate()
        return try .init(
            try await FakeUpstream.start(answer, certificate: certificate, offersHTTP2: true), transport: transport,
            tls: try certificate.clientConfiguration)
    }
}

extension UpstreamFailure {
    var isRefused: Bool {
        if case .refused = self { true } else { false }
    }

    var isUnavailable: Bool {
        if case .unavailable = self { true } else { false }
    }

    var isTimedOut: Bool {
        if case .timedOut = self { true } else { false }
    }
}

extension UpstreamField {
    static func constant(_ name: ExactText, _ value: ExactText) -> UpstreamField {
        UpstreamField(name: name, source: .claim(ClaimMapping(name: name, source: .value(.string(value)))))
    }
}
