/// Why a token is not accepted. Raw values are stable: they are in logs and metrics, which contain nothing of the
/// token.
package enum Refusal: String, Error, Sendable, CaseIterable {
    // Before trust is established; all of these look the same from outside.
    case tokenTooLarge = "token_too_large"
    case notThreeSegments = "not_three_segments"
    case notBase64URL = "not_base64url"
    case headerMalformed = "header_malformed"
    case headerDuplicateMember = "header_duplicate_member"
    case headerParameterForbidden = "header_parameter_forbidden"
    case algorithmUnknown = "algorithm_unknown"
    case keyIDMalformed = "key_id_malformed"
    case claimsMalformed = "claims_malformed"
    case claimsDuplicateMember = "claims_duplicate_member"
    case issuerUnknown = "issuer_unknown"
    case algorithmNotAllowed = "algorithm_not_allowed"
    case keyDenied = "key_denied"
    case keyUnknown = "key_unknown"
    case signatureInvalid = "signature_invalid"
    // Genuine, but a claim that every token needs cannot be read; these look the same from outside, too.
    case claimsUnreadable = "claims_unreadable"
    case subjectInvalid = "subject_invalid"
    case expirationInvalid = "expiration_invalid"
    case issuedAtInvalid = "issued_at_invalid"
    case notBeforeInvalid = "not_before_invalid"
    // Genuine, wrong time.
    case expired
    case notYetValid = "not_yet_valid"
    case issuedInFuture = "issued_in_future"
    case tooOld = "too_old"
    // Genuine, wrong kind.
    case headerTypeNotAllowed = "header_type_not_allowed"
    case tokenKindNotAllowed = "token_kind_not_allowed"
    case serviceAccountNotAllowed = "service_account_not_allowed"
    case senderConstrained = "sender_constrained"
    // Genuine, not for this identity provider.
    case audienceNotAllowed = "audience_not_allowed"
    case partyNotAllowed = "party_not_allowed"
    case tenantNotAllowed = "tenant_not_allowed"
    case conditionNotMet = "condition_not_met"
    case claimMissing = "claim_missing"
}
