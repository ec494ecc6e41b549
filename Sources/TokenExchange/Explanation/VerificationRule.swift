/// What a token must pass to be exchanged, in the order in which it is looked at.
package enum VerificationRule: String, Sendable, CaseIterable {
    case size
    case segments
    case encoding
    case header
    case headerParameters = "header_parameters"
    case algorithmKnown = "algorithm_known"
    case keyID = "key_id"
    case claimsForm = "claims_form"
    case issuer
    case algorithmAllowed = "algorithm_allowed"
    case keyNotDenied = "key_not_denied"
    case key
    case signature
    case claimsReadable = "claims_readable"
    case subject
    case expiration
    case issuedAt = "issued_at"
    case notBefore = "not_before"
    case headerType = "header_type"
    case tokenKind = "token_kind"
    case serviceAccount = "service_account"
    case senderConstraint = "sender_constraint"
    case validityPeriod = "validity_period"
    case audience
    case authorizedParty = "authorized_party"
    case tenant
    case conditions
    case mappedClaims = "mapped_claims"
    case mint
}

extension Refusal {
    /// The rule that is broken.
    package var rule: VerificationRule {
        switch self {
        case .tokenTooLarge: .size
        case .notThreeSegments: .segments
        case .notBase64URL: .encoding
        case .headerMalformed, .headerDuplicateMember: .header
        case .headerParameterForbidden: .headerParameters
        case .algorithmUnknown: .algorithmKnown
        case .keyIDMalformed: .keyID
        case .claimsMalformed, .claimsDuplicateMember: .claimsForm
        case .issuerUnknown: .issuer
        case .algorithmNotAllowed: .algorithmAllowed
        case .keyDenied: .keyNotDenied
        case .keyUnknown: .key
        case .signatureInvalid: .signature
        case .claimsUnreadable: .claimsReadable
        case .subjectInvalid: .subject
        case .expirationInvalid: .expiration
        case .issuedAtInvalid: .issuedAt
        case .notBeforeInvalid: .notBefore
        case .expired, .notYetValid, .issuedInFuture, .tooOld: .validityPeriod
        case .headerTypeNotAllowed: .headerType
        case .tokenKindNotAllowed: .tokenKind
        case .serviceAccountNotAllowed: .serviceAccount
        case .senderConstrained: .senderConstraint
        case .audienceNotAllowed: .audience
        case .partyNotAllowed: .authorizedParty
        case .tenantNotAllowed: .tenant
        case .conditionNotMet: .conditions
        case .claimMissing: .mappedClaims
        }
    }
}

extension VerificationRule {
    /// What to do about a token that breaks the rule.
    package var remedy: String {
        switch self {
        case .size: "Raise limits.token_bytes, or have the issuer put fewer claims into the token."
        case .segments: "Send the compact serialization of a signed JWT: header.payload.signature."
        case .encoding: "Send the token as it was issued: base64url without padding or white space."
        case .header, .claimsForm: "Ask the issuer: its token holds JSON that readers take in different ways."
        case .headerParameters: "Have the issuer leave out jku, jwk, x5u, x5c, crit, b64 and zip."
        case .algorithmKnown, .algorithmAllowed:
            "Have the issuer sign with one of the tenant's algorithms, or list its algorithm."
        case .keyID: "Have the issuer name its key by a string of 1 to 128 characters, or not at all."
        case .issuer: "Compare tenants[].issuer with the token's iss byte for byte, trailing slash included."
        case .keyNotDenied:
            "Log in again once the issuer signs with another key, or drop it from tenants[].denied_key_ids."
        case .key: "Check that tenants[].keys holds the issuer's current keys."
        case .signature:
            "The token was changed, or signed by somebody else; if neither, the key is not the issuer's."
        case .claimsReadable, .subject, .expiration, .issuedAt, .notBefore:
            "Have the issuer write the claim as RFC 7519 has it; without iat, set maximum_age: 0s."
        case .headerType: "Send an access token; its header's typ is JWT or at+jwt."
        case .tokenKind: "Send the access token, or list the kind in tenants[].token_kinds."
        case .serviceAccount: "Send an associate's token, or set tenants[].allow_service_accounts."
        case .senderConstraint: "Have the issuer issue a bearer token to this client."
        case .validityPeriod: "Log in again; if that does not help, set the clocks, or raise clock_skew or maximum_age."
        case .audience: "List the audience in tenants[].audiences, or have the issuer add one that is listed."
        case .authorizedParty: "List the client in tenants[].authorized_parties."
        case .tenant: "List the tenant in identity_providers[].tenants."
        case .conditions: "Give the associate what identity_providers[].conditions ask for, or change them."
        case .mappedClaims: "Have the issuer add the claim, or drop required."
        case .mint: "Raise maximum_bytes or map fewer claims; check the signing keys."
        }
    }
}
