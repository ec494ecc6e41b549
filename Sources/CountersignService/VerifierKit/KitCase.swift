import TokenExchange

/// One token of the kit, and the verdict that a verifier must give.
struct KitCase {
    let name: String
    let token: [UInt8]
    /// The verdict by the key set.
    let isAccepted: Bool
    /// What introspection must say; nil if that is not tested, because the kit's tokens have no sessions.
    private let introspection: String?
    /// What introspection answers in a trial, where some of the tokens have sessions; nil for `{"active":false}`.
    private(set) var activeAnswer: [UInt8]?
    let why: String

    /// A token that a verifier must accept.
    static func accepted(_ name: String, _ token: [UInt8], introspection: String? = nil, _ why: String) -> KitCase {
        KitCase(name: name, token: token, isAccepted: true, introspection: introspection, why: why)
    }

    /// A token that a verifier must reject.
    static func rejected(_ name: String, _ token: [UInt8], _ why: String) -> KitCase {
        KitCase(name: name, token: token, isAccepted: false, introspection: "inactive", why: why)
    }

    /// The same token, with a session in a trial.
    func active(_ token: KitToken) -> KitCase {
        var item = self
        item.activeAnswer = JSONValue.object([.init("active", .bool(true))] + token.claims).text
        return item
    }

    /// Its path below the kit's folder.
    func file(of provider: ExactText) -> String { "\(provider)/\(name).jwt" }

    /// Its entry in `verdicts.json`.
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

/// Header and claims of a token that is not signed yet.
struct KitToken {
    private(set) var header: [JSONValue.Member]
    private(set) var claims: [JSONValue.Member]

    /// With another value for a claim that is there.
    func with(_ name: ExactText, _ value: JSONValue) -> KitToken {
        var token = self
        token.claims = claims.map { $0.name == name ? .init(name, value) : $0 }
        return token
    }

    /// With another header.
    func with(header: [JSONValue.Member]) -> KitToken { KitToken(header: header, claims: claims) }

    /// Header, dot, payload.
    var signingInput: [UInt8] {
        Base64URL.encode(JSONValue.object(header).text) + [UInt8(ascii: ".")]
            + Base64URL.encode(JSONValue.object(claims).text)
    }

    /// The token in compact form.
    func signed(by signer: any TokenSigner) throws -> [UInt8] {
        let signingInput = signingInput
        return signingInput + [UInt8(ascii: ".")] + Base64URL.encode(try signer.signature(over: signingInput))
    }
}
