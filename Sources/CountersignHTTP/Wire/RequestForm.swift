/// What a good request looks like, for the sentences that tell it.
enum RequestForm {
    case callback
    case form
    /// Of the token endpoint.
    case tokenExchange
    case cohort

    var invalidRequest: String {
        switch self {
        case .callback: ErrorCode.invalidRequest.detail
        case .form: "The body must be a form with the field token, and no field twice."
        case .cohort:
            "The body must be a form with exactly one of subject, device, tenant, identity_provider, key_id and all=true, "
                + "perhaps issued_before in seconds of Unix time, and no field twice."
        case .tokenExchange:
            "The body must be a form with grant_type, subject_token and subject_token_type, and no field twice; see the "
                + "documentation for the values that are supported."
        }
    }

    var unsupportedMediaType: String {
        switch self {
        case .callback: ErrorCode.unsupportedMediaType.detail
        case .form, .tokenExchange, .cohort: "The Content-Type must be application/x-www-form-urlencoded."
        }
    }
}
