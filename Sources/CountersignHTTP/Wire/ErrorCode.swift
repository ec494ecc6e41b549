package import HTTPTypes

/// The `error_code` of a problem document: all that callers ever learn. Codes, statuses and sentences are constant.
package enum ErrorCode: String, Sendable, CaseIterable {
    case invalidRequest = "invalid_request"
    case tokenRejected = "token_rejected"
    case tokenExpired = "token_expired"
    case tokenNotYetValid = "token_not_yet_valid"
    case tokenTooOld = "token_too_old"
    case tokenKindNotAllowed = "token_kind_not_allowed"
    case audienceNotAllowed = "audience_not_allowed"
    case partyNotAllowed = "party_not_allowed"
    case tenantNotAllowed = "tenant_not_allowed"
    case conditionNotMet = "condition_not_met"
    case claimMissing = "claim_missing"
    case verifierRejected = "verifier_rejected"
    case operationsSecretRejected = "operations_secret_rejected"
    case revocationNotAllowed = "revocation_not_allowed"
    case identityProviderUnknown = "identity_provider_unknown"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case headTooLarge = "head_too_large"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case rateLimited = "rate_limited"
    case mintFailed = "mint_failed"
    case upstreamRefused = "upstream_refused"
    case upstreamUnavailable = "upstream_unavailable"
    case issuerKeysUnavailable = "issuer_keys_unavailable"
    case sessionStoreUnavailable = "session_store_unavailable"
    case deadlineExceeded = "deadline_exceeded"
    case overloaded

    /// Of a problem document; see ``oauthStatus`` for `/token`.
    package var status: HTTPResponse.Status {
        switch self {
        case .invalidRequest: .badRequest
        case .tokenRejected, .tokenExpired, .tokenNotYetValid, .tokenTooOld, .verifierRejected,
            .operationsSecretRejected:
            .unauthorized
        case .tokenKindNotAllowed, .audienceNotAllowed, .partyNotAllowed, .tenantNotAllowed, .conditionNotMet,
            .claimMissing, .revocationNotAllowed:
            .forbidden
        case .identityProviderUnknown, .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .headTooLarge: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .rateLimited: .tooManyRequests
        case .mintFailed: .internalServerError
        case .upstreamRefused: .badGateway
        case .issuerKeysUnavailable, .sessionStoreUnavailable, .upstreamUnavailable, .overloaded: .serviceUnavailable
        case .deadlineExceeded: .gatewayTimeout
        }
    }

    /// RFC 9457 §3.1.3: the same for every occurrence.
    var title: String {
        switch self {
        case .invalidRequest: "Invalid request"
        case .tokenRejected: "Token rejected"
        case .tokenExpired: "Token expired"
        case .tokenNotYetValid: "Token not yet valid"
        case .tokenTooOld: "Token too old"
        case .tokenKindNotAllowed: "Token kind not allowed"
        case .audienceNotAllowed: "Audience not allowed"
        case .partyNotAllowed: "Party not allowed"
        case .tenantNotAllowed: "Tenant not allowed"
        case .conditionNotMet: "Condition not met"
        case .claimMissing: "Claim missing"
        case .verifierRejected: "Verifier rejected"
        case .operationsSecretRejected: "Operations secret rejected"
        case .revocationNotAllowed: "Revocation not allowed"
        case .identityProviderUnknown: "Identity provider unknown"
        case .notFound: "Not found"
        case .methodNotAllowed: "Method not allowed"
        case .headTooLarge: "Head too large"
        case .bodyTooLarge: "Body too large"
        case .unsupportedMediaType: "Unsupported media type"
        case .rateLimited: "Too many requests"
        case .mintFailed: "No token could be made"
        case .upstreamRefused: "No token from the internal service"
        case .upstreamUnavailable: "Internal service unavailable"
        case .issuerKeysUnavailable: "Issuer keys unavailable"
        case .sessionStoreUnavailable: "Session store unavailable"
        case .deadlineExceeded: "Deadline exceeded"
        case .overloaded: "Overloaded"
        }
    }

    /// A constant sentence for the caller; it never repeats input.
    package var detail: String {
        switch self {
        case .invalidRequest: "The body must be a JSON object with a string member identity and an optional deviceId."
        case .tokenRejected: "The token is not one that this service trusts."
        case .tokenExpired: "The token has expired; log in again."
        case .tokenNotYetValid: "The token is not valid yet; check the clocks of issuer and service."
        case .tokenTooOld: "The token was issued too long ago; log in again."
        case .tokenKindNotAllowed: "Tokens of this kind are not exchanged here; send the access token of an associate."
        case .audienceNotAllowed: "The token was issued for another audience."
        case .partyNotAllowed: "The token was issued to another client."
        case .tenantNotAllowed: "The token's tenant does not use this identity provider."
        case .conditionNotMet: "The token does not meet a condition of this identity provider."
        case .claimMissing: "The token lacks a claim that this identity provider requires."
        case .verifierRejected: "A verifier must present its own id and secret, as Basic or as Bearer <id>:<secret>."
        case .operationsSecretRejected: "Operations need the secret of this listener, as Bearer <secret>."
        case .revocationNotAllowed: "This verifier may not revoke that; the configuration says what it may."
        case .identityProviderUnknown: "No identity provider of that name or host is configured."
        case .notFound: "There is nothing at this path."
        case .methodNotAllowed: "This path does not take that method; the Allow header lists those it takes."
        case .headTooLarge: "The head or the trailers of the request are larger than this service accepts."
        case .bodyTooLarge: "The body is larger than this service accepts."
        case .unsupportedMediaType: "The Content-Type must be application/json."
        case .rateLimited: "Too many requests from this address were refused; wait as long as Retry-After says."
        case .mintFailed: "The external identity could not be made; the operator finds the cause in the log."
        case .upstreamRefused: "The identity provider's own service gave no usable token; the log says why."
        case .upstreamUnavailable: "The identity provider's own service cannot be asked at the moment; try again."
        case .issuerKeysUnavailable: "The issuer's keys cannot be fetched at the moment; try again."
        case .sessionStoreUnavailable: "Sessions cannot be stored or read at the moment; try again."
        case .deadlineExceeded: "The exchange took longer than it may; try again."
        case .overloaded: "The service has more to do than it can at the moment; try again as Retry-After says."
        }
    }

    /// Seconds after which trying again makes sense; nil if it does not.
    var retryAfterSeconds: Int? {
        switch self {
        case .rateLimited, .issuerKeysUnavailable, .sessionStoreUnavailable, .upstreamUnavailable, .deadlineExceeded,
            .overloaded:
            1
        default: nil
        }
    }

    /// How to authenticate (RFC 9110 §11.6.1), for a caller whose token is refused; nil for codes with another status.
    var challenge: String? { status == .unauthorized ? Self.refusedBearerToken : nil }

    /// RFC 6750 §3.1. A caller that sent no token is told only `Bearer`.
    static let refusedBearerToken = #"Bearer error="invalid_token""#
}
