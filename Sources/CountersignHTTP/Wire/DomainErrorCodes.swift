package import TokenExchange

// RFC 8725 and the contract with the app: every refusal before trust is established looks the same from outside, and an
// outage never looks like a bad token. The switches have no default on purpose: a new reason must be given its code
// here.

extension ErrorCode {
    /// The code that a refused token is answered with.
    package init(_ refusal: Refusal) {
        switch refusal {
        case .tokenTooLarge, .notThreeSegments, .notBase64URL, .headerMalformed, .headerDuplicateMember,
            .headerParameterForbidden, .algorithmUnknown, .keyIDMalformed, .claimsMalformed, .claimsDuplicateMember,
            .issuerUnknown, .algorithmNotAllowed, .keyDenied, .keyUnknown, .signatureInvalid, .claimsUnreadable,
            .subjectInvalid, .expirationInvalid, .issuedAtInvalid, .notBeforeInvalid:
            self = .tokenRejected
        case .expired: self = .tokenExpired
        case .notYetValid, .issuedInFuture: self = .tokenNotYetValid
        case .tooOld: self = .tokenTooOld
        case .headerTypeNotAllowed, .tokenKindNotAllowed, .serviceAccountNotAllowed, .senderConstrained:
            self = .tokenKindNotAllowed
        case .audienceNotAllowed: self = .audienceNotAllowed
        case .partyNotAllowed: self = .partyNotAllowed
        case .tenantNotAllowed: self = .tenantNotAllowed
        case .conditionNotMet: self = .conditionNotMet
        case .claimMissing: self = .claimMissing
        }
    }

    /// The code that a failure of our own is answered with.
    package init(_ failure: Failure.Kind) {
        switch failure {
        case .mintFailed: self = .mintFailed
        case .upstreamRefused: self = .upstreamRefused
        case .upstreamUnavailable: self = .upstreamUnavailable
        case .issuerKeysUnavailable: self = .issuerKeysUnavailable
        case .sessionStoreUnavailable: self = .sessionStoreUnavailable
        case .deadlineExceeded: self = .deadlineExceeded
        }
    }
}

extension OAuthError {
    /// RFC 8693 §2.2.2: whatever is wrong with the subject token is `invalid_request`.
    package init(_ code: ErrorCode) {
        switch code {
        case .invalidRequest, .tokenRejected, .tokenExpired, .tokenNotYetValid, .tokenTooOld, .tokenKindNotAllowed,
            .audienceNotAllowed, .partyNotAllowed, .tenantNotAllowed, .conditionNotMet, .claimMissing,
            .verifierRejected, .operationsSecretRejected, .revocationNotAllowed, .notFound, .methodNotAllowed,
            .headTooLarge, .bodyTooLarge,
            .unsupportedMediaType:
            self = .invalidRequest
        case .identityProviderUnknown: self = .invalidTarget
        case .mintFailed, .upstreamRefused: self = .serverError
        case .rateLimited, .issuerKeysUnavailable, .sessionStoreUnavailable, .upstreamUnavailable, .deadlineExceeded,
            .overloaded:
            self = .temporarilyUnavailable
        }
    }
}
