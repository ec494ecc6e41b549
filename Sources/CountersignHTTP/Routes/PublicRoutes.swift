import HTTPTypes
package import TokenExchange

/// What the public listener answers. A class, since it is handed around with every request.
package final class PublicRoutes: Routes {
    private let callback: CallbackRoute
    private let token: TokenRoute
    private let session: SessionRoute
    private let introspection: IntrospectionRoute
    private let revocation: RevocationRoute
    private let access: VerifierAccess
    private let webview = WebviewScriptRoute()
    private let providers: IdentityProviderDirectory
    private let metadata: ServerMetadata
    private let keySet: PublicDocument
    /// Of our keys and of what is as lasting.
    private let cacheControl: String
    private let limiter: RateLimiter

    /// - Parameters:
    ///   - issuer: the public URL.
    ///   - keySet: our public keys, as a JWK set.
    ///   - keySetMaximumAge: how long verifiers may keep it.
    package init(
        exchange: ExchangeToken, introspect: IntrospectSession, revoke: RevokeSession,
        verifiers: VerifierDirectory, providers: IdentityProviderDirectory, issuer: ExactText, keySet: [UInt8],
        keySetMaximumAge: Duration, bodyLimit: Int, jsonLimits: JSONLimits, limiter: RateLimiter
    ) {
        callback = CallbackRoute(exchange: exchange, limiter: limiter, bodyLimit: bodyLimit, jsonLimits: jsonLimits)
        token = TokenRoute(exchange: exchange, limiter: limiter, providers: providers, bodyLimit: bodyLimit)
        session = SessionRoute(introspect: introspect, providers: providers)
        introspection = IntrospectionRoute(introspect: introspect, issuer: issuer, bodyLimit: bodyLimit)
        revocation = RevocationRoute(revoke: revoke, bodyLimit: bodyLimit)
        access = VerifierAccess(verifiers: { verifiers }, limiter: limiter)
        self.providers = providers
        metadata = ServerMetadata(issuer: String(issuer))
        self.keySet = PublicDocument(keySet, contentType: "application/json")
        cacheControl = "public, max-age=\(keySetMaximumAge.components.seconds)"
        self.limiter = limiter
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
            return try await access.reply(to: request) { verifier throws(Problem) in
                try await introspection.reply(to: request, from: verifier)
            }
        case Self.revocationPath:
            try request.expect(.post)
            return try await access.reply(to: request) { verifier throws(Problem) in
                try await revocation.reply(to: request, from: verifier)
            }
        case Self.tokenPath: return try await tokenReply(to: request)
        case let path where path.hasPrefix(WebviewScriptRoute.prefix): return try webview.reply(to: request)
        case "/":
            try request.expect(.post)
            return try await callback.reply(to: request, for: providers.serving(host: request.host))
        case Self.callbackPath:
            try request.expect(.post)
            return try await callback.reply(to: request, for: providers.unnamed)
        case let path where path.hasPrefix(Self.callbackPath + "/"):
            try request.expect(.post)
            let name = ExactText(path.dropFirst(Self.callbackPath.count + 1))
            return try await callback.reply(to: request, for: providers.named(name))
        case Self.keySetPath:
            try request.expect(.get)
            return keySet.reply(to: request, cacheControl: cacheControl)
        case ServerMetadata.path, metadata.pathWithIssuer[...]:
            try request.expect(.get)
            return metadata.document.reply(to: request, cacheControl: cacheControl)
        default: throw Problem(.notFound)
        }
    }

    private func tokenReply(to request: IncomingRequest) async throws(Problem) -> Reply {
        do throws(Problem) {
            try request.expect(.post)
            return try await token.reply(to: request)
        } catch { throw error.asOAuth() }
    }

    private func sessionReply(to request: IncomingRequest) async throws(Problem) -> Reply {
        do throws(Problem) {
            try request.expect(.get, .options)
            // A page learns more from the answer than from a preflight that fails.
            if request.head.method == .options { return session.preflight(request) }
            try limiter.admit(request)
            return try await session.reply(to: request)
        } catch { throw error.with(session.crossOriginHeaders(for: request)) }
    }
}
