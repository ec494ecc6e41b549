import HTTPTypes
import TokenExchange

/// `POST /post_login_callback[/{identity_provider}]`, and `POST /` by host: the exchange, as NewStore's app calls it.
struct CallbackRoute {
    let exchange: ExchangeToken
    let limiter: RateLimiter
    let admission: AdmissionControl
    let bodyLimit: Int
    let jsonLimits: JSONLimits

    /// - Parameter provider: nil if path or host name none that is configured.
    func reply(to request: IncomingRequest, for provider: IdentityProvider?) async throws -> Reply {
        guard let provider else { throw Problem(.identityProviderUnknown) }
        do {
            return try await answer(request, for: provider)
        } catch {
            var problem = Problem(error)
            problem.identityProvider = ConfiguredName(provider)
            problem.isOptionalLogin = provider.mode == .optional
            throw problem
        }
    }

    private func answer(_ request: IncomingRequest, for provider: IdentityProvider) async throws -> Reply {
        try limiter.check(request.source)
        try admission.check(request.delay, as: .login)
        guard request.hasMediaType("application/json") else { throw Problem(.unsupportedMediaType) }
        let text = try await request.collectBody(upTo: bodyLimit)
        // While it arrived, other requests of this source may have been refused.
        try limiter.check(request.source)
        let body = try CallbackBody(text, limits: jsonLimits)
        try admission.enter(provider)
        defer { admission.leave(provider) }
        return try await exchange.reply(
            to: ExchangeRequest(
                identityToken: body.identityToken, device: body.device, provider: provider,
                arrivedAt: request.arrivedAt, source: request.source, trace: request.trace), Self.reply)
    }

    private static func reply(with outcome: ExchangeOutcome) throws -> Reply {
        switch outcome {
        case .issued(let issued, let tenant):
            var reply = Reply.callback(issued.externalIdentity)
            reply.notes.tenant = tenant
            return reply
        case .degraded(let issued, let failure):
            var reply = Reply.callback(issued?.externalIdentity, degradedBy: ErrorCode(failure.kind))
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
        do {
            var reply = try render(await self(request))
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
