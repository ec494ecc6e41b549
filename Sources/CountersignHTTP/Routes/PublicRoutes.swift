import HTTPTypes
package import TokenExchange

/// What the public listener answers. A class, since it is handed around with every request.
package final class PublicRoutes: Routes {
    private let callback: CallbackRoute
    private let session: SessionRoute
    private let webview = WebviewScriptRoute()
    private let providers: IdentityProviderDirectory
    private let keys: @Sendable () -> SigningKeyRing
    private let keySetCacheControl: String
    private let rateLimiter: RateLimiter?

    /// - Parameters:
    ///   - keySetMaximumAge: how long verifiers may keep our JWK set.
    ///   - rateLimiter: nil: no limit.
    package init(
        exchange: ExchangeToken, introspect: IntrospectSession, providers: IdentityProviderDirectory,
        keys: @escaping @Sendable () -> SigningKeyRing, keySetMaximumAge: Duration, bodyLimit: Int,
        jsonLimits: JSONLimits, rateLimiter: RateLimiter?
    ) {
        callback = CallbackRoute(exchange: exchange, bodyLimit: bodyLimit, jsonLimits: jsonLimits)
        session = SessionRoute(introspect: introspect, providers: providers)
        self.providers = providers
        self.keys = keys
        keySetCacheControl = "public, max-age=\(keySetMaximumAge.components.seconds)"
        self.rateLimiter = rateLimiter
    }

    private static let callbackPath = "/post_login_callback"
    private static let keySetPath = "/.well-known/jwks.json"
    private static let sessionPath = "/session"

    package func name(of path: Substring) -> String {
        switch path {
        case Self.keySetPath: "jwks"
        case Self.sessionPath: "session"
        case "/", Self.callbackPath: "callback"
        case let path where path.hasPrefix(WebviewScriptRoute.prefix): "webview"
        default: path.hasPrefix(Self.callbackPath + "/") ? "callback" : "other"
        }
    }

    package func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        switch request.path {
        case Self.keySetPath:
            try request.expect(.get)
            return .json(keys().publishedKeySet, cacheControl: keySetCacheControl)
        case Self.sessionPath:
            try request.expect(.get, .options)
            try checkRate(of: request)
            return request.head.method == .options
                ? session.preflight(request) : try await session.reply(to: request)
        case let path where path.hasPrefix(WebviewScriptRoute.prefix):
            return try webview.reply(to: request)
        case "/":
            try request.expect(.post)
            return try await exchange(request, for: providers.serving(host: request.host))
        case Self.callbackPath:
            try request.expect(.post)
            return try await exchange(request, for: providers.unnamed)
        case let path where path.hasPrefix(Self.callbackPath + "/"):
            try request.expect(.post)
            return try await exchange(request, for: providers.named(path.dropFirst(Self.callbackPath.count + 1)))
        default: throw Problem(.notFound)
        }
    }

    private func exchange(_ request: IncomingRequest, for provider: IdentityProvider?) async throws(Problem) -> Reply {
        try checkRate(of: request)
        return try await callback.reply(to: request, for: provider)
    }

    private func checkRate(of request: IncomingRequest) throws(Problem) {
        guard let rateLimiter, let source = request.source else { return }
        guard rateLimiter.admits(source, at: request.arrivedAt) else { throw Problem(.rateLimited) }
    }
}
