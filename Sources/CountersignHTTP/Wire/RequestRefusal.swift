/// Why a request is refused that is well-formed HTTP, if it is not about an identity token. A closed set, for logs and
/// metrics; `docs/errors.md` explains each.
package enum RequestRefusal: String, Error, CaseIterable {
    // Credentials.
    case noBearerToken = "no_bearer_token"
    /// Unknown, expired, revoked, or made elsewhere.
    case sessionInactive = "session_inactive"
    case credentialsAbsent = "credentials_absent"
    case credentialsWrong = "credentials_wrong"
    case operationsSecretAbsent = "operations_secret_absent"
    case operationsSecretWrong = "operations_secret_wrong"
    // Forms and bodies.
    case contentCoding = "content_coding"
    case tokenAbsent = "token_absent"
    case noSingleCohort = "no_single_cohort"
    case nameNotConfigured = "name_not_configured"
    // The token endpoint.
    case grantTypeAbsent = "grant_type_absent"
    case grantTypeUnsupported = "grant_type_unsupported"
    case subjectTokenAbsent = "subject_token_absent"
    case subjectTokenTypeUnsupported = "subject_token_type_unsupported"
    case actorTokenUnsupported = "actor_token_unsupported"
    case scopeUnsupported = "scope_unsupported"
    case resourceUnsupported = "resource_unsupported"
    case audienceRepeated = "audience_repeated"
    case deviceNotText = "device_not_text"
    case requestedTokenTypeUnsupported = "requested_token_type_unsupported"

    /// What the caller is told.
    package var code: ErrorCode {
        switch self {
        case .noBearerToken, .sessionInactive: .tokenRejected
        case .credentialsAbsent, .credentialsWrong: .verifierRejected
        case .operationsSecretAbsent, .operationsSecretWrong: .operationsSecretRejected
        case .contentCoding: .unsupportedMediaType
        case .tokenAbsent, .noSingleCohort, .nameNotConfigured, .grantTypeAbsent, .grantTypeUnsupported,
            .subjectTokenAbsent, .subjectTokenTypeUnsupported, .actorTokenUnsupported, .scopeUnsupported,
            .resourceUnsupported, .audienceRepeated, .deviceNotText, .requestedTokenTypeUnsupported:
            .invalidRequest
        }
    }

    /// What a client of the token endpoint is told.
    package var oauthError: OAuthError {
        switch self {
        case .grantTypeUnsupported: .unsupportedGrantType
        case .scopeUnsupported: .invalidScope
        case .resourceUnsupported, .audienceRepeated: .invalidTarget
        default: OAuthError(code)
        }
    }
}
