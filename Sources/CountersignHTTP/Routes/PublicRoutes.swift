import HTTPTypes
package import TokenExchange

/// What the public listener answers. A class, since it is handed around with every request.
package final class PublicRoutes: Routes {
    private let callback: CallbackRoute
    private let token: TokenRoute
    private let session: SessionRoute
    private let introspection: IntrospectionRoute
    private let revocation: RevocationRoute
    private let verifiers: VerifierDirectory
    private let webview = WebviewScriptRoute()
    private let providers: IdentityProviderDirectory
    private let metadata: ServerMetadata
    private let keys: @Sendable () -> SigningKeyRing
    /// Of our keys and of what is as lasting.
    private let cacheControl: String
    private let rateLimiter: RateLimiter?

    /// - Parameters:
    ///   - issuer: the public URL.
    ///   - keySetMaximumAge: how long verifiers may keep our JWK set.
    ///   - rateLimiter: nil: no limit.
    package init(
        exchange: ExchangeToken, introspect: IntrospectSession, revoke: RevokeSession,
        verifiers: VerifierDirectory, providers: IdentityProviderDirectory, issuer: ExactText,
        keys: @escaping @Sendable () -> SigningKeyRing,
        keySetMaximumAge: Duration, bodyLimit: Int, jsonLimits: JSONLimits, rateLimiter: RateLimiter?
    ) {
        callback = CallbackRoute(exchange: exchange, bodyLimit: bodyLimit, jsonLimits: jsonLimits)
        token = TokenRoute(exchange: exchange, providers: providers, bodyLimit: bodyLimit)
        session = SessionRoute(introspect: introspect, providers: providers)
        introspection = IntrospectionRoute(introspect: introspect, issuer: issuer, bodyLimit: bodyLimit)
        revocation = RevocationRoute(revoke: revoke, bodyLimit: bodyLimit)
        self.verifiers = verifiers
        self.providers = providers
        metadata = ServerMetadata(issuer: String(issuer))
        self.keys = keys
        cacheControl = "public, max-age=\(keySetMaximumAge.components.seconds)"
        self.rateLimiter = rateLimiter
    }

    private static let callbackPath = "/post_login_callback"
    private static let tokenPath = "/token"
    private static let introspectionPath = "/introspect"
    private static let revocationPath = "/revoke"
    private static let sessionPath = "/session"
    private static let keySetPath = "/.well-known/jwks.json"

    package func name(of path: Substring) -> String {
        switch path {
        case Self.keySetPath: "jwks"
        case ServerMetadata.path, metadata.pathWithIssuer[...]: "metadata"
        case Self.sessionPath: "session"
        case Self.introspectionPath: "introspect"
        case Self.revocationPath: "revoke"
        case Self.tokenPath: "token"
        case "/", Self.callbackPath: "callback"
        case let path where path.hasPrefix(WebviewScriptRoute.prefix): "webview"
        default: path.hasPrefix(Self.callbackPath + "/") ? "callback" : "other"
        }
    }

    package func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        switch request.path {
        case Self.sessionPath: return try await sessionReply(to: request)
        case Self.introspectionPath:
            try request.expect(.post)
            return try await introspection.reply(to: request, from: try verifier(of: request))
        case Self.revocationPath:
            try request.expect(.post)
            return try await revocation.reply(to: request, from: try verifier(of: request))
        case Self.tokenPath: return try await tokenReply(to: request)
        case let path where path.hasPrefix(WebviewScriptRoute.prefix): return try webview.reply(to: request)
        case "/":
            try request.expect(.post)
            return try await exchange(request, for: providers.serving(host: request.host))
        case Self.callbackPath:
            try request.expect(.post)
            return try await exchange(request, for: providers.unnamed)
        case let path where path.hasPrefix(Self.callbackPath + "/"):
            try request.expect(.post)
            return try await exchange(
                request, for: providers.named(ExactText(path.dropFirst(Self.callbackPath.count + 1))))
        case Self.keySetPath:
            try request.expect(.get)
            return .json(keys().publishedKeySet, cacheControl: cacheControl)
        case ServerMetadata.path, metadata.pathWithIssuer[...]:
            try request.expect(.get)
            return .json(metadata.text, cacheControl: cacheControl)
        default: throw Problem(.notFound)
        }
    }

    private func exchange(_ request: IncomingRequest, for provider: IdentityProvider?) async throws(Problem) -> Reply {
        try checkRate(of: request)
        return try await callback.reply(to: request, for: provider)
    }

    private func tokenReply(to request: IncomingRequest) async throws(Problem) -> Reply {
        do throws(Problem) {
            try request.expect(.post)
            try checkRate(of: request)
            return try await token.reply(to: request)
        } catch { throw error.asOAuth() }
    }

    private func sessionReply(to request: IncomingRequest) async throws(Problem) -> Reply {
        do throws(Problem) {
            try request.expect(.get, .options)
            try checkRate(of: request)
            return request.head.method == .options
                ? session.preflight(request) : try await session.reply(to: request)
        } catch { throw error.with(session.crossOriginHeaders(for: request)) }
    }

    /// Who may introspect and revoke. Those who prove it may ask as often as they like: a back end is one address for all of
    /// its users. The others share what their address may do.
    private func verifier(of request: IncomingRequest) throws(Problem) -> Verifier {
        let credentials = VerifierCredentials(authorization: request.head.headerFields[.authorization])
        if let verifier = credentials.flatMap(verifiers.verifier) { return verifier }
        try checkRate(of: request)
        throw Problem(.verifierRejected)
    }

    private func checkRate(of request: IncomingRequest) throws(Problem) {
        guard let rateLimiter, let source = request.source else { return }
        guard rateLimiter.admits(source, at: request.arrivedAt) else { throw Problem(.rateLimited) }
    }
}
