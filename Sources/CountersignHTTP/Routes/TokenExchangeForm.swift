import TokenExchange

/// The token type identifiers (RFC 8693 §3) that we accept or answer with.
enum TokenType: String {
    case accessToken = "urn:ietf:params:oauth:token-type:access_token"
    case identityToken = "urn:ietf:params:oauth:token-type:id_token"
    case jwt = "urn:ietf:params:oauth:token-type:jwt"
}

/// What a client of the token endpoint asks for (RFC 8693 §2.1).
///
/// Unknown fields are ignored, `client_id` among them (RFC 6749 §3.2). A field that asks for something we would not
/// give is refused, so that no client believes it got it: `scope`, `resource`, an actor, another type of token.
struct TokenExchangeForm {
    let subjectToken: IdentityToken
    /// `device_id`, a field of our own, as in the callback; empty if absent.
    let device: ExactText
    let provider: IdentityProvider
    let issuedTokenType: TokenType

    private static let grantType = "urn:ietf:params:oauth:grant-type:token-exchange"

    /// - Throws: a problem in the form of OAuth for the first field that is missing, wrong or unsupported.
    init(_ form: FormBody, providers: IdentityProviderDirectory) throws {
        guard let grantType = form.parameter("grant_type") else { throw Self.invalid(.grantTypeAbsent) }
        guard grantType.elementsEqual(Self.grantType.utf8) else {
            throw Self.invalid(.grantTypeUnsupported)
        }
        guard let subjectToken = form.parameter("subject_token") else { throw Self.invalid(.subjectTokenAbsent) }
        // All three are treated the same: what counts is what the token says about itself.
        guard let type = form.parameter("subject_token_type"), Self.type(type) != nil else {
            throw Self.invalid(.subjectTokenTypeUnsupported)
        }
        guard form.parameter("actor_token") == nil, form.parameter("actor_token_type") == nil else {
            throw Self.invalid(.actorTokenUnsupported)
        }
        guard form.parameter("scope") == nil else { throw Self.invalid(.scopeUnsupported) }
        guard form.parameters("resource").isEmpty else {
            throw Self.invalid(.resourceUnsupported)
        }
        let audiences = form.parameters("audience")
        // One external identity is for one provider (RFC 8693 §2.2.2).
        guard audiences.count <= 1 else { throw Self.invalid(.audienceRepeated) }
        self.subjectToken = IdentityToken(bytes: subjectToken)
        device = try Self.device(form.parameter("device_id") ?? [])
        provider = try Self.provider(audiences.first, among: providers)
        issuedTokenType = try Self.issuedTokenType(form.parameter("requested_token_type"), by: provider)
    }

    private static func invalid(_ refusal: RequestRefusal) -> Problem {
        let problem = Problem(refusal).asOAuth(refusal.oauthError)
        return refusal.oauthError == .invalidTarget ? problem.expecting(.target) : problem
    }

    private static func type(_ value: [UInt8]) -> TokenType? {
        TokenType(rawValue: String(decoding: value, as: UTF8.self))
    }

    /// UTF-8 without NUL, as in the callback, so that no two devices can be mistaken for each other.
    private static func device(_ value: [UInt8]) throws -> ExactText {
        guard !value.contains(0), String(validating: value, as: UTF8.self) != nil else {
            throw invalid(.deviceNotText)
        }
        return ExactText(bytes: value)
    }

    private static func provider(
        _ audience: [UInt8]?, among providers: IdentityProviderDirectory
    ) throws -> IdentityProvider {
        let provider = audience.map { providers.named(ExactText(bytes: $0)) } ?? providers.unnamed
        guard let provider else { throw Problem(.identityProviderUnknown) }
        return provider
    }

    /// An external identity can be used as an access token, and some are JWTs.
    private static func issuedTokenType(
        _ requested: [UInt8]?, by provider: IdentityProvider
    ) throws -> TokenType {
        let own: TokenType =
            switch provider.token.kind {
            case .minted(.jwt): .jwt
            case .minted(.opaque), .upstream: .accessToken
            }
        guard let requested else { return own }
        guard let type = type(requested), type == own || type == .accessToken else {
            throw invalid(.requestedTokenTypeUnsupported)
        }
        return type
    }
}
