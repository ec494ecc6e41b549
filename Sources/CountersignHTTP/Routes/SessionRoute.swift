import HTTPTypes
import TokenExchange

/// `GET /session`: a webview asks about the external identity that it was given; no secret is needed.
struct SessionRoute {
    let introspect: IntrospectSession
    let providers: IdentityProviderDirectory
    let admission: AdmissionControl

    /// Only pages of the token's own provider may read the answer, which names it. A problem names no provider, so
    /// pages of all providers may read it.
    func reply(to request: IncomingRequest, limiter: RateLimiter) async throws -> Reply {
        if request.head.method == .options { return preflight(request) }
        try limiter.check(request.source)
        let token = try enter(request)
        defer { admission.leave(nil) }
        return try reply(about: try await introspect(token, log: request.span?.log), to: request)
    }

    // What does not wait is not inlined: what it needs for a moment would be kept in the frame of
    // ``reply(to:limiter:)``.

    /// The token of a request that has been admitted.
    @inline(never)
    private func enter(_ request: IncomingRequest) throws -> ExternalIdentity {
        try admission.check(request.delay, as: .question)
        guard let value = request.head.headerFields[.authorization],
            let token = AuthorizationScheme.bearer.credentials(in: Array(value.utf8)), !token.isEmpty
        else { throw Problem(.noBearerToken).with([.wwwAuthenticate: "Bearer"]) }
        try admission.enter(nil)
        return ExternalIdentity(bytes: token)
    }

    @inline(never)
    private func reply(about status: SessionStatus, to request: IncomingRequest) throws -> Reply {
        switch status {
        case .active(let session): reply(about: session.record, isConfirmed: true, to: request)
        case .unconfirmed(let session): reply(about: session.record, isConfirmed: false, to: request)
        case .inactive: throw Problem(.sessionInactive)
        }
    }

    /// A preflight carries no token, so the origins of all providers are allowed (Fetch §3.2.2).
    @inline(never)
    private func preflight(_ request: IncomingRequest) -> Reply {
        var headers = crossOriginHeaders(for: request)
        if headers[.accessControlAllowOrigin] != nil {
            headers[.accessControlAllowMethods] = "GET"
            headers[.accessControlAllowHeaders] = "Authorization"
            headers[.accessControlMaxAge] = "600"
        }
        headers[.cacheControl] = "no-store"
        return Reply(status: .noContent, headers: headers)
    }

    /// For answers that belong to no provider.
    func crossOriginHeaders(for request: IncomingRequest) -> HTTPFields {
        CrossOrigin.headers(for: request.head.headerFields[.origin], of: providers.all)
    }

    private func reply(about session: SessionRecord, isConfirmed: Bool, to request: IncomingRequest) -> Reply {
        var members = JSONObjectWriter(capacity: 256)
        members.add("active", .bool(true))
        members.add("identity_provider", session.identityProvider)
        members.add("tenant", session.tenant)
        members.add("sub", session.subject)
        members.add("exp", session.expiresAt)
        if !isConfirmed { members.add("session", "unconfirmed") }
        members.add("request_id", ExactText(request.id))
        let reply = Reply.json(members.finish())
        let provider = providers.named(session.identityProvider).map { [$0] } ?? []
        reply.headers.append(contentsOf: CrossOrigin.headers(for: request.head.headerFields[.origin], of: provider))
        reply.notes.identityProvider = provider.first.map { ConfiguredName($0) }
        reply.notes.session = session
        return reply
    }
}

/// Cross-origin resource sharing, only for the web origins that the configuration lists.
private enum CrossOrigin {
    static func headers(for origin: String?, of providers: [IdentityProvider]) -> HTTPFields {
        var headers: HTTPFields = [.vary: "Origin"]
        if let origin, providers.contains(where: { $0.webviewOrigins.contains(ExactText(origin)) }) {
            headers[.accessControlAllowOrigin] = origin
            // The support code, also of a refusal.
            headers[.accessControlExposeHeaders] = HTTPField.Name.requestID.rawName
        }
        return headers
    }
}
