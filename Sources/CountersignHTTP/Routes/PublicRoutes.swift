import HTTPTypes
package import TokenExchange

/// The endpoints of the public listener. A class, because every request holds a reference to it.
package final class PublicRoutes: Routes {
    private let endpoints: EndpointTable

    /// - Parameters:
    ///   - issuer: the public URL.
    ///   - keySet: our public keys, as a JWK set.
    ///   - keySetMaximumAge: how long verifiers may keep it.
    ///   - bodyLimit: in bytes.
    package init(
        exchange: ExchangeToken, introspect: IntrospectSession, revoke: RevokeSession,
        verifiers: VerifierDirectory, providers: IdentityProviderDirectory, issuer: ExactText, keySet: [UInt8],
        keySetMaximumAge: Duration, bodyLimit: Int, jsonLimits: JSONLimits, limiter: RateLimiter,
        admission: AdmissionControl
    ) {
        let callback = CallbackRoute(
            exchange: exchange, limiter: limiter, admission: admission, bodyLimit: bodyLimit, jsonLimits: jsonLimits)
        let token = TokenRoute(
            exchange: exchange, limiter: limiter, admission: admission, providers: providers, bodyLimit: bodyLimit)
        let session = SessionRoute(introspect: introspect, providers: providers, admission: admission)
        let access = VerifierAccess(verifiers: { verifiers }, limiter: limiter)
        let introspection = IntrospectionRoute(
            introspect: introspect, providers: providers, issuer: issuer, bodyLimit: bodyLimit, admission: admission)
        let revocation = RevocationRoute(revoke: revoke, bodyLimit: bodyLimit)
        endpoints = EndpointTable(
            Self.callbacks(callback, providers) + Self.documents(issuer, keySet, keySetMaximumAge) + [
                Endpoint(
                    "token", .exactly("/token"), [.post], .tokenExchange, isLimited: true, hasOAuthErrors: true,
                    answer: token.reply),
                // A preflight is not limited: if it failed, the page could not read why.
                Endpoint("session", .exactly("/session"), [.get, .options], headers: session.crossOriginHeaders) {
                    try await session.reply(to: $0, limiter: limiter)
                },
                Endpoint("introspect", .exactly("/introspect"), [.post], .token) {
                    try admission.check($0.delay, as: .question)
                    return try await access.reply(to: $0, by: introspection.reply)
                },
                Endpoint("revoke", .exactly("/revoke"), [.post], .token) {
                    try await access.reply(to: $0, by: revocation.reply)
                },
            ], limiter: limiter, frontPage: FrontPage.public)
    }

    private static let callbackPath: ExactText = "/post_login_callback"
    private static let namedCallbackPath: ExactText = "/post_login_callback/"

    /// The path names the provider. Without a name it is the configured default; at `/` it is the one of the host.
    private static func callbacks(_ route: CallbackRoute, _ providers: IdentityProviderDirectory) -> [Endpoint] {
        [
            Endpoint("callback", .exactly(callbackPath), [.post], .callback) {
                try await route.reply(to: $0, for: providers.unnamed)
            },
            Endpoint("callback", .below(namedCallbackPath), [.post], .callback) { request in
                let name = request.path.dropFirst(namedCallbackPath.count)
                return try await route.reply(to: request, for: providers.named(name))
            },
            Endpoint("callback", .exactly("/"), [.post], .callback) {
                try await route.reply(to: $0, for: providers.serving(host: $0.host))
            },
        ]
    }

    /// What anybody may read.
    private static func documents(_ issuer: ExactText, _ keySet: [UInt8], _ maximumAge: Duration) -> [Endpoint] {
        // The metadata changes no more often than the keys.
        let cacheControl = "public, max-age=\(maximumAge.components.seconds)"
        let keySet = PublicDocument(keySet, contentType: "application/json", cacheControl: cacheControl)
        let metadata = ServerMetadata(issuer: String(issuer), cacheControl: cacheControl)
        let documents: [(LabelValue, String, PublicDocument)] = [
            ("jwks", "/.well-known/jwks.json", keySet), ("metadata", ServerMetadata.path, metadata.document),
            ("metadata", metadata.pathWithIssuer, metadata.document),
        ]
        let texts = documents.map { name, path, document in
            Endpoint(name, .exactly(ExactText(path)), [.get], answer: document.reply)
        }
        let scripts = WebviewScript.all.map { script in
            Endpoint("webview", .exactly(ExactText(script.path)), [.get], answer: script.reply)
        }
        return texts + scripts
    }

    package func name(of path: ExactText) -> LabelValue { endpoints.name(of: path) }

    package func reply(to request: IncomingRequest) async throws -> Reply {
        try await endpoints.reply(to: request)
    }
}
