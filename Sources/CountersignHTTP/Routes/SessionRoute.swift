import HTTPTypes
import TokenExchange

/// `GET /session`: a webview asks about the external identity it was handed; no secret needed.
struct SessionRoute {
    let introspect: IntrospectSession
    let providers: IdentityProviderDirectory

    func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        let origin = request.head.headerFields[.origin]
        guard let value = request.head.headerFields[.authorization],
            let token = BearerScheme.credentials(in: Array(value.utf8)), !token.isEmpty
        else { throw refusal(reason: "no_bearer_token", for: origin) }
        let status: SessionStatus
        do { status = try await introspect(ExternalIdentity(bytes: token)) } catch {
            throw Problem(error).with(CrossOrigin.headers(for: origin, of: providers.all))
        }
        switch status {
        case .active(let session): return reply(about: session, isConfirmed: true, to: origin)
        case .unconfirmed(let session): return reply(about: session, isConfirmed: false, to: origin)
        case .inactive: throw refusal(reason: "session_inactive", for: origin)
        }
    }

    /// The preflight carries no token, so any provider's origins count (Fetch §3.2.2).
    func preflight(_ request: IncomingRequest) -> Reply {
        var headers = CrossOrigin.headers(for: request.head.headerFields[.origin], of: providers.all)
        if headers[.accessControlAllowOrigin] != nil {
            headers[.accessControlAllowMethods] = "GET"
            headers[.accessControlAllowHeaders] = "Authorization"
            headers[.accessControlMaxAge] = "600"
        }
        return Reply(status: .noContent, headers: headers)
    }

    private func refusal(reason: String, for origin: String?) -> Problem {
        Problem(.tokenRejected, reason: reason).with(CrossOrigin.headers(for: origin, of: providers.all))
    }

    private func reply(about session: SessionRecord, isConfirmed: Bool, to origin: String?) -> Reply {
        var members: [JSONValue.Member] = [
            .init("active", .bool(true)),
            .init("identity_provider", .string(session.identityProvider)),
            .init("tenant", .string(session.tenant)),
            .init("sub", .string(session.subject)),
            .init("exp", .number(literal: String(session.expiresAt))),
        ]
        if !isConfirmed { members.append(.init("session", .string("unconfirmed"))) }
        var reply = Reply.json(JSONValue.object(members).text)
        let provider = providers.named(session.identityProvider).map { [$0] } ?? []
        reply.headers.append(contentsOf: CrossOrigin.headers(for: origin, of: provider))
        reply.notes.identityProvider = session.identityProvider
        return reply
    }
}

/// Cross-origin resource sharing for the web origins that the configuration lists, and no others.
private enum CrossOrigin {
    static func headers(for origin: String?, of providers: [IdentityProvider]) -> HTTPFields {
        var headers: HTTPFields = [.vary: "Origin"]
        if let origin, providers.contains(where: { $0.webviewOrigins.contains(origin) }) {
            headers[.accessControlAllowOrigin] = origin
        }
        return headers
    }
}
