import TokenExchange

/// Token type identifiers (RFC 8693 §3) that mean something here.
enum TokenType: String {
    case accessToken = "urn:ietf:params:oauth:token-type:access_token"
    case identityToken = "urn:ietf:params:oauth:token-type:id_token"
    case jwt = "urn:ietf:params:oauth:token-type:jwt"
}

/// What a client of the token endpoint asks for (RFC 8693 §2.1).
///
/// Fields that we do not know are ignored, `client_id` among them (RFC 6749 §3.2). What asks for something that we would
/// not give is refused, so that no client believes it got it: `scope`, `resource`, an actor, another type of token.
struct TokenExchangeForm {
    let subjectToken: IdentityToken
    /// Of our own: `device_id`, as in the callback.
    let device: ExactText
    let provider: IdentityProvider
    let issuedTokenType: TokenType

    private static let grantType = "urn:ietf:params:oauth:grant-type:token-exchange"

    init(_ form: FormBody, providers: IdentityProviderDirectory) throws(Problem) {
        guard let grantType = form.parameter("grant_type") else { throw Self.invalid("grant_type_absent") }
        guard grantType.elementsEqual(Self.grantType.utf8) else {
            throw Self.invalid("grant_type_unsupported", as: .unsupportedGrantType)
        }
        guard let subjectToken = form.parameter("subject_token") else { throw Self.invalid("subject_token_absent") }
        // All three are treated alike: what counts is what the token says of itself.
        guard let type = form.parameter("subject_token_type"), Self.type(type) != nil else {
            throw Self.invalid("subject_token_type_unsupported")
        }
        guard form.parameter("actor_token") == nil, form.parameter("actor_token_type") == nil else {
            throw Self.invalid("actor_token_unsupported")
        }
        guard form.parameter("scope") == nil else { throw Self.invalid("scope_unsupported", as: .invalidScope) }
        guard form.parameters("resource").isEmpty else {
            throw Self.invalid("resource_unsupported", as: .invalidTarget)
        }
        let audiences = form.parameters("audience")
        // One external identity is for one provider (RFC 8693 §2.2.2).
        guard audiences.count <= 1 else { throw Self.invalid("audience_repeated", as: .invalidTarget) }
        self.subjectToken = IdentityToken(bytes: subjectToken)
        device = try Self.device(form.parameter("device_id") ?? [])
        provider = try Self.provider(audiences.first, among: providers)
        issuedTokenType = try Self.issuedTokenType(form.parameter("requested_token_type"), by: provider)
    }

    private static func invalid(_ reason: String, as error: OAuthError? = nil) -> Problem {
        let problem = Problem(.invalidRequest, reason: reason).asOAuth(error)
        return error == .invalidTarget ? problem.expecting(.target) : problem
    }

    private static func type(_ value: [UInt8]) -> TokenType? {
        TokenType(rawValue: String(decoding: value, as: UTF8.self))
    }

    /// Devices come without NUL and as text everywhere, so that no two of them can be taken for one another.
    private static func device(_ value: [UInt8]) throws(Problem) -> ExactText {
        guard !value.contains(0), String(validating: value, as: UTF8.self) != nil else {
            throw invalid("device_not_text")
        }
        return ExactText(bytes: value)
    }

    private static func provider(
        _ audience: [UInt8]?, among providers: IdentityProviderDirectory
    ) throws(Problem) -> IdentityProvider {
        let provider = audience.map { providers.named(ExactText(bytes: $0)) } ?? providers.unnamed
        guard let provider else { throw Problem(.identityProviderUnknown) }
        return provider
    }

    /// An external identity can be used as an access token, and some are JWTs.
    private static func issuedTokenType(
        _ requested: [UInt8]?, by provider: IdentityProvider
    ) throws(Problem) -> TokenType {
        let own: TokenType =
            switch provider.token.kind {
            case .minted(.jwt): .jwt
            case .minted(.opaque), .upstream: .accessToken
            }
        guard let requested else { return own }
        guard let type = type(requested), type == own || type == .accessToken else {
            throw invalid("requested_token_type_unsupported")
        }
        return type
    }
}
