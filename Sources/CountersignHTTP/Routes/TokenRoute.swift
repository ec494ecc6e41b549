import HTTPTypes
import TokenExchange

/// `POST /token` (RFC 8693): the same exchange as the callback, in the form of standard OAuth clients.
///
/// The subject token is the credential, as in the callback, so clients do not authenticate. There is no answer without
/// a token here: if an optional provider's login would go on without one, the failure is answered as for a strict
/// provider.
struct TokenRoute {
    let exchange: ExchangeToken
    let limiter: RateLimiter
    let admission: AdmissionControl
    let providers: IdentityProviderDirectory
    let bodyLimit: Int

    /// - Throws: a problem; with the provider's name for the log, once the form has named one.
    func reply(to request: IncomingRequest) async throws -> Reply {
        try admission.check(request.delay, as: .login)
        let asked = try TokenExchangeForm(
            try await request.collectForm(upTo: bodyLimit, repeatable: ["audience", "resource"]), providers: providers)
        do {
            // While the form arrived, other requests of this source may have been refused.
            try limiter.check(request.source)
            try admission.enter(asked.provider)
            defer { admission.leave(asked.provider) }
            return try await exchange.reply(
                to: ExchangeRequest(
                    identityToken: asked.subjectToken, device: asked.device, provider: asked.provider,
                    arrivedAt: request.arrivedAt, source: request.source, trace: request.trace)
            ) { try reply(with: $0, type: asked.issuedTokenType) }
        } catch {
            var problem = Problem(error)
            problem.identityProvider = ConfiguredName(asked.provider)
            throw problem
        }
    }

    private func reply(with outcome: ExchangeOutcome, type: TokenType) throws -> Reply {
        switch outcome {
        case .issued(let issued, let tenant):
            let reply = Reply.json(body(issued, type: type))
            reply.headers[.pragma] = "no-cache"
            reply.notes.tenant = tenant
            return reply
        case .degraded(let issued?, let failure):
            let reply = Reply.json(body(issued, type: type))
            reply.headers[.pragma] = "no-cache"
            reply.headers[.countersignDegraded] = ErrorCode(failure.kind).rawValue
            reply.notes.degradedBy = failure
            return reply
        case .degraded(nil, let failure), .failed(let failure): throw Problem(failure)
        case .refused(let refusal, let difference): throw Problem(refusal, clockDifference: difference)
        }
    }

    /// RFC 8693 §2.2.1. The token is a bearer token: `/session` accepts it as one.
    private func body(_ issued: IssuedIdentity, type: TokenType) -> [UInt8] {
        var members = JSONObjectWriter(capacity: issued.externalIdentity.bytes.count + 192)
        members.add("access_token", ExactText(bytes: issued.externalIdentity.bytes))
        members.add("issued_token_type", ExactText(type.rawValue))
        members.add("token_type", "Bearer")
        members.add("expires_in", issued.remainingSeconds)
        return members.finish()
    }
}
