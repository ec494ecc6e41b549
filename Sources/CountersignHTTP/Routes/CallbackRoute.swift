import HTTPTypes
import TokenExchange

/// `POST /post_login_callback[/{identity_provider}]`, and `POST /` by host: the exchange, as NewStore's app calls it.
struct CallbackRoute {
    let exchange: ExchangeToken
    let limiter: RateLimiter
    let bodyLimit: Int
    let jsonLimits: JSONLimits

    func reply(to request: IncomingRequest, for provider: IdentityProvider?) async throws(Problem) -> Reply {
        guard let provider else { throw Problem(.identityProviderUnknown) }
        do throws(Problem) {
            var reply = try await answer(request, for: provider)
            reply.notes.identityProvider = provider.name
            return reply
        } catch {
            var problem = error
            problem.identityProvider = provider.name
            problem.isOptionalLogin = provider.mode == .optional
            throw problem
        }
    }

    private func answer(_ request: IncomingRequest, for provider: IdentityProvider) async throws(Problem) -> Reply {
        try limiter.admit(request)
        guard request.hasMediaType("application/json") else { throw Problem(.unsupportedMediaType) }
        let text = try await request.collectBody(upTo: bodyLimit)
        // While it arrived, other requests of this source may have been refused.
        try limiter.admit(request)
        let body = try Self.callbackBody(text, limits: jsonLimits)
        let outcome = await exchange(
            ExchangeRequest(
                identityToken: body.identityToken, device: body.device, provider: provider,
                arrivedAt: request.arrivedAt, source: request.source, trace: request.trace))
        return try Self.reply(with: outcome)
    }

    private static func callbackBody(_ text: [UInt8], limits: JSONLimits) throws(Problem) -> CallbackBody {
        do { return try CallbackBody(text, limits: limits) } catch {
            throw Problem(.invalidRequest, reason: error.reason)
        }
    }

    private static func reply(with outcome: ExchangeOutcome) throws(Problem) -> Reply {
        switch outcome {
        case .issued(let issued, let tenant):
            var reply = Reply.json(body(issued.externalIdentity))
            reply.notes.tenant = tenant
            return reply
        case .degraded(let issued, let failure):
            var reply = Reply.json(body(issued?.externalIdentity))
            reply.headers[.countersignDegraded] = ErrorCode(failure.kind).rawValue
            reply.notes.degradedBy = failure
            return reply
        case .failed(let failure): throw Problem(failure)
        case .refused(let refusal, let difference): throw Problem(refusal, clockDifference: difference)
        }
    }

    /// What an optional provider's login gets in place of a token.
    static func withoutToken(_ code: ErrorCode) -> Reply {
        var reply = Reply.json(body(nil))
        reply.headers[.countersignDegraded] = code.rawValue
        return reply
    }

    /// Our own tokens need no escaping: `[A-Za-z0-9._~-]`. Those of internal services have any printable character.
    private static func body(_ externalIdentity: ExternalIdentity?) -> [UInt8] {
        guard let externalIdentity else { return Array(#"{"external_identity":null}"#.utf8) }
        var body: [UInt8] = []
        body.reserveCapacity(externalIdentity.bytes.count + 24)
        body.append(contentsOf: #"{"external_identity":"#.utf8)
        JSONValue.append(ExactText(bytes: externalIdentity.bytes), to: &body)
        body.append(UInt8(ascii: "}"))
        return body
    }
}

extension HTTPField.Name {
    static let countersignDegraded = HTTPField.Name("Countersign-Degraded")!
    static let requestID = HTTPField.Name("X-Request-Id")!
}
