import TokenExchange

/// One token of the kit and what a verifier must say of it.
struct KitCase {
    private let name: String
    let token: [UInt8]
    private let isAccepted: Bool
    /// What introspection must say; nil if the kit says nothing of it, since there are no sessions behind its tokens.
    private let introspection: String?
    private let why: String

    static func accepted(_ name: String, _ token: [UInt8], introspection: String? = nil, _ why: String) -> KitCase {
        KitCase(name: name, token: token, isAccepted: true, introspection: introspection, why: why)
    }

    static func rejected(_ name: String, _ token: [UInt8], _ why: String) -> KitCase {
        KitCase(name: name, token: token, isAccepted: false, introspection: "inactive", why: why)
    }

    /// Below the kit's folder.
    func file(of provider: ExactText) -> String { "\(provider)/\(name).jwt" }

    func description(of provider: ExactText) -> JSONValue {
        .object([
            .init("name", .string(name)),
            .init("file", .string(file(of: provider))),
            .init("verdict", .string(isAccepted ? "accept" : "reject")),
            .init("introspection", introspection.map { .string($0) } ?? .null),
            .init("why", .string(why)),
        ])
    }
}

/// A token in the making: header and claims.
struct KitToken {
    private(set) var header: [JSONValue.Member]
    private(set) var claims: [JSONValue.Member]

    func with(_ name: ExactText, _ value: JSONValue) -> KitToken {
        var token = self
        token.claims = claims.map { $0.name == name ? .init(name, value) : $0 }
        return token
    }

    func with(header: [JSONValue.Member]) -> KitToken { KitToken(header: header, claims: claims) }

    /// Header, dot, payload.
    var signingInput: [UInt8] {
        Base64URL.encode(JSONValue.object(header).text) + [UInt8(ascii: ".")]
            + Base64URL.encode(JSONValue.object(claims).text)
    }

    func signed(by signer: any TokenSigner) throws(SigningFailure) -> [UInt8] {
        let signingInput = signingInput
        return signingInput + [UInt8(ascii: ".")] + Base64URL.encode(try signer.signature(over: signingInput))
    }
}
