import TokenExchange

/// The document that tells OAuth clients which endpoints we have and how to call them (RFC 8414).
struct ServerMetadata {
    static let path = "/.well-known/oauth-authorization-server"

    /// Where clients look if the issuer's URL has a path (RFC 8414 §3.1); else the same as ``path``.
    let pathWithIssuer: String
    let document: PublicDocument

    /// - Parameters:
    ///   - issuer: the public URL, without a slash at its end.
    ///   - cacheControl: the value of `Cache-Control`.
    init(issuer: String, cacheControl: String) {
        let authority = issuer.firstRange(of: "://").map { issuer[$0.upperBound...] } ?? issuer[...]
        pathWithIssuer = Self.path + authority.drop { $0 != "/" }
        let text = JSONValue.object([
            .init("issuer", .string(issuer)),
            .init("token_endpoint", .string(issuer + "/token")),
            .init("jwks_uri", .string(issuer + "/.well-known/jwks.json")),
            .init("introspection_endpoint", .string(issuer + "/introspect")),
            .init("revocation_endpoint", .string(issuer + "/revoke")),
            .init("response_types_supported", .array([])),
            .init("grant_types_supported", Self.strings("urn:ietf:params:oauth:grant-type:token-exchange")),
            .init("token_endpoint_auth_methods_supported", Self.strings("none")),
            .init("introspection_endpoint_auth_methods_supported", Self.strings("client_secret_basic", "Bearer")),
            // `Bearer` works as well, but this list has no name for it.
            .init("revocation_endpoint_auth_methods_supported", Self.strings("client_secret_basic")),
        ]).text
        document = PublicDocument(text, contentType: "application/json", cacheControl: cacheControl)
    }

    private static func strings(_ values: String...) -> JSONValue { .array(values.map { .string($0) }) }
}
