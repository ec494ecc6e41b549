package import TokenExchange

/// The claims and header of an associate's token as NewStore issues it, to be changed one by one.
package struct ModelToken: Sendable {
    package var header: [JSONValue.Member]
    package var claims: [JSONValue.Member]

    package static let issuer = "https://id.p.newstore.net/auth/realms/acme-staging"

    /// Issued at `now`, for five minutes.
    package init(issuedAt now: UnixTime, algorithm: String = "RS256", keyID: ExactText?) {
        header = [.init("alg", .string(algorithm)), .init("typ", .string("JWT"))]
        if let keyID { header.append(.init("kid", .string(keyID))) }
        let roles = ["default-roles-acme-staging", "offline_access", "store_associate"].map { JSONValue.string($0) }
        claims = [
            .init("exp", .number(literal: String(now.wholeSeconds + 300))),
            .init("iat", .number(literal: String(now.wholeSeconds))),
            .init("jti", .string("6b2f4c1e-8f0a-4a52-9d53-0a6f7a0f5c11")),
            .init("iss", .string(Self.issuer)),
            .init("aud", .string("account")),
            .init("sub", .string("f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55")),
            .init("typ", .string("Bearer")),
            .init("azp", .string("newstore-associate-app")),
            .init("realm_access", .object([.init("roles", .array(roles))])),
            .init("scope", .string("openid profile email")),
            .init("sid", .string("0c5d8c0e-2f3b-4e0c-9d5e-1a7f6b0c9d21")),
            .init("name", .string("Jane Operator")),
            .init("preferred_username", .string("jane.operator@example.com")),
            .init("email", .string("jane.operator@example.com")),
            .init("http://newstore/newstore_id", .string("a1b2c3d4e5f60718293a4b5c6d7e8f90")),
            .init("http://newstore/tenant", .string("acme-staging")),
        ]
    }

    /// With `name` set, or removed where `value` is nil.
    package func claim(_ name: ExactText, _ value: JSONValue?) -> ModelToken {
        var token = self
        token.claims.set(name, value)
        return token
    }

    package func header(_ name: ExactText, _ value: JSONValue?) -> ModelToken {
        var token = self
        token.header.set(name, value)
        return token
    }

    /// Header, dot, payload.
    package var signingInput: [UInt8] {
        Base64URL.encode(JSONValue.object(header).text) + [UInt8(ascii: ".")]
            + Base64URL.encode(JSONValue.object(claims).text)
    }

    /// The compact JWS with a good signature of `signer`.
    package func signed(by signer: some TokenSigner) throws -> [UInt8] {
        try Self.signed(signingInput, by: signer)
    }

    package static func signed(_ signingInput: [UInt8], by signer: some TokenSigner) throws -> [UInt8] {
        signingInput + [UInt8(ascii: ".")] + Base64URL.encode(try signer.signature(over: signingInput))
    }
}

extension [JSONValue.Member] {
    fileprivate mutating func set(_ name: ExactText, _ value: JSONValue?) {
        removeAll { $0.name == name }
        if let value { append(.init(name, value)) }
    }
}
