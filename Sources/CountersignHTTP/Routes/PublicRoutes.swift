import HTTPTypes
package import TokenExchange

/// What the public listener answers. A class, since it is handed around with every request.
package final class PublicRoutes: Routes {
    private let endpoints: EndpointTable

    /// - Parameters:
    ///   - issuer: the public URL.
    ///   - keySet: our public keys, as a JWK set.
    ///   - keySetMaximumAge: how long verifiers may keep it.
    package init(
        exchange: ExchangeToken, introspect: IntrospectSession, revoke: RevokeSession,
        verifiers: VerifierDirectory, providers: IdentityProviderDirectory, issuer: ExactText, keySet: [UInt8],
        keySetMaximumAge: Duration, bodyLimit: Int, jsonLimits: JSONLimits, limiter: RateLimiter
    ) {
        let callback = CallbackRoute(exchange: exchange, limiter: limiter, bodyLimit: bodyLimit, jsonLimits: jsonLimits)
        let token = TokenRoute(exchange: exchange, limiter: limiter, providers: providers, bodyLimit: bodyLimit)
        let session = SessionRoute(introspect: introspect, providers: providers)
        let access = VerifierAccess(verifiers: { verifiers }, limiter: limiter)
        let introspection = IntrospectionRoute(introspect: introspect, issuer: issuer, bodyLimit: bodyLimit)
        let revocation = RevocationRoute(revoke: revoke, bodyLimit: bodyLimit)
        endpoints = EndpointTable(
            Self.callbacks(callback, providers) + Self.documents(issuer, keySet, keySetMaximumAge) + [
                Endpoint("token", .exactly("/token"), [.post], .tokenExchange, answer: token.reply)
                    .limited.withOAuthErrors,
                // A page learns more from the answer than from a preflight that fails, so that one is not limited.
                Endpoint("session", .exactly("/session"), [.get, .options]) { request throws(Problem) in
                    try await session.reply(to: request, limiter: limiter)
                }.withHeaders(session.crossOriginHeaders),
                Endpoint("introspect", .exactly("/introspect"), [.post], .form) { request throws(Problem) in
                    try await access.reply(to: request, by: introspection.reply)
                },
                Endpoint("revoke", .exactly("/revoke"), [.post], .form) { request throws(Problem) in
                    try await access.reply(to: request, by: revocation.reply)
                },
            ], limiter: limiter)
    }

    private static let callbackPath = "/post_login_callback"

    /// The path names the provider; without a name it is the configured default, and at `/` that of the host.
    private static func callbacks(_ route: CallbackRoute, _ providers: IdentityProviderDirectory) -> [Endpoint] {
        [
            Endpoint("callback", .exactly(callbackPath), [.post], .callback) { request throws(Problem) in
                try await route.reply(to: request, for: providers.unnamed)
            },
            Endpoint("callback", .below(callbackPath + "/"), [.post], .callback) { request throws(Problem) in
                let name = ExactText(request.path.dropFirst(callbackPath.count + 1))
                return try await route.reply(to: request, for: providers.named(name))
            },
            Endpoint("callback", .exactly("/"), [.post], .callback) { request throws(Problem) in
                try await route.reply(to: request, for: providers.serving(host: request.host))
            },
        ]
    }

    /// What everybody may read.
    private static func documents(_ issuer: ExactText, _ keySet: [UInt8], _ maximumAge: Duration) -> [Endpoint] {
        let keySet = PublicDocument(keySet, contentType: "application/json")
        let metadata = ServerMetadata(issuer: String(issuer))
        // Of our keys and of what is as lasting.
        let cacheControl = "public, max-age=\(maximumAge.components.seconds)"
        let texts = [
            ("jwks", "/.well-known/jwks.json", keySet), ("metadata", ServerMetadata.path, metadata.document),
            ("metadata", metadata.pathWithIssuer, metadata.document),
        ].map { name, path, document in
            Endpoint(name, .exactly(path), [.get]) { document.reply(to: $0, cacheControl: cacheControl) }
        }
        let scripts = WebviewScript.all.map { script in
            Endpoint("webview", .exactly(script.path), [.get], answer: script.reply)
        }
        return texts + scripts
    }

    package func name(of path: Substring) -> String { endpoints.name(of: path) }

    package func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        try await endpoints.reply(to: request)
    }
}
