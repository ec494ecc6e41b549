import HTTPTypes
import TokenExchange

/// `POST /post_login_callback[/{identity_provider}]`, and `POST /` by host: the exchange, as NewStore's app calls it.
///
/// A class, so that the frames of functions that wait hold no copy of it.
final class CallbackRoute: Sendable {
    private let exchange: ExchangeToken
    private let limiter: RateLimiter
    private let admission: AdmissionControl
    private let bodyLimit: Int
    private let jsonLimits: JSONLimits

    init(
        exchange: ExchangeToken, limiter: RateLimiter, admission: AdmissionControl, bodyLimit: Int,
        jsonLimits: JSONLimits
    ) {
        self.exchange = exchange
        self.limiter = limiter
        self.admission = admission
        self.bodyLimit = bodyLimit
        self.jsonLimits = jsonLimits
    }

    /// - Parameter provider: nil if path or host name none that is configured.
    func reply(to request: IncomingRequest, for provider: IdentityProvider?) async throws -> Reply {
        guard let provider else { throw Self.unknown }
        do {
            try begin(request)
            let login = try enter(request, with: try await request.collectBody(upTo: bodyLimit), provider)
            defer { admission.leave(provider) }
            return try await exchange.reply(to: login, Self.reply)
        } catch { throw Self.problem(error, of: provider) }
    }

    // What does not wait is not inlined: what it needs for a moment would be kept in the frame of ``reply(to:for:)``.

    @inline(never)
    private func begin(_ request: IncomingRequest) throws {
        try limiter.check(request.source)
        try admission.check(request.delay, as: .login)
        guard request.hasMediaType("application/json") else { throw Problem(.unsupportedMediaType) }
    }

    /// A login that has been admitted.
    @inline(never)
    private func enter(
        _ request: IncomingRequest, with text: [UInt8], _ provider: IdentityProvider
    ) throws -> ExchangeRequest {
        // While the body arrived, other requests of this source may have been refused.
        try limiter.check(request.source)
        let body = try CallbackBody(text, limits: jsonLimits)
        try admission.enter(provider)
        return ExchangeRequest(
            identityToken: body.identityToken, device: body.device, provider: provider,
            arrivedAt: request.arrivedAt, source: request.source, trace: request.trace)
    }

    private static let unknown: any Error = Problem(.identityProviderUnknown)

    @inline(never)
    private static func problem(_ error: any Error, of provider: IdentityProvider) -> any Error {
        var problem = Problem(error)
        problem.identityProvider = ConfiguredName(provider)
        problem.isOptionalLogin = provider.mode == .optional
        return problem
    }

    private static func reply(with outcome: ExchangeOutcome) throws -> Reply {
        switch outcome {
        case .issued(let issued, let tenant):
            let reply = Reply.callback(issued.externalIdentity)
            reply.notes.tenant = tenant
            return reply
        case .degraded(let issued, let failure):
            let reply = Reply.callback(issued?.externalIdentity, degradedBy: ErrorCode(failure.kind))
            reply.notes.degradedBy = failure
            return reply
        case .failed(let failure): throw Problem(failure)
        case .refused(let refusal, let difference): throw Problem(refusal, clockDifference: difference)
        }
    }
}

extension ExchangeToken {
    /// The answer to one exchange, or the problem, each with the report of the exchange for the log.
    func reply(to request: ExchangeRequest, _ render: (ExchangeOutcome) throws -> Reply) async throws -> Reply {
        try Self.reply(to: request, await self(request), render)
    }

    /// Not inlined, so that the frame of the other one stays small.
    @inline(never)
    private static func reply(
        to request: ExchangeRequest, _ outcome: ExchangeOutcome, _ render: (ExchangeOutcome) throws -> Reply
    ) throws -> Reply {
        do {
            let reply = try render(outcome)
            reply.notes.identityProvider = ConfiguredName(request.provider)
            reply.notes.exchange = request.report
            return reply
        } catch {
            var problem = Problem(error)
            problem.identityProvider = ConfiguredName(request.provider)
            problem.exchange = request.report
            throw problem
        }
    }
}
