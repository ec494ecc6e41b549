/// What a good request looks like, for the sentences that tell it.
enum RequestForm {
    /// HTTP/1.1 itself.
    case http
    case wholeBody
    /// Without a content coding.
    case plainBody
    case callback
    case form
    /// Of the token endpoint.
    case tokenExchange
    /// Of the token endpoint: for whom a token may be asked.
    case target
    case cohort
    /// Of a tenant or an identity provider.
    case configuredName

    var invalidRequest: String {
        switch self {
        case .callback, .plainBody: ErrorCode.invalidRequest.detail
        case .http: "The request is not well-formed HTTP/1.1 with one valid Host."
        case .wholeBody: "The body did not arrive whole in the time that a request has."
        case .target: "At most one audience may be asked for, the name of an identity provider, and no resource."
        case .form: "The body must be a form with the field token, and no field twice."
        case .cohort:
            "The body must be a form with exactly one of subject, device, tenant, identity_provider, key_id and all=true, "
                + "perhaps issued_before in whole seconds of Unix time, and no field twice."
        case .configuredName:
            "The configuration has no tenant or identity provider of this name, so nothing was done."
        case .tokenExchange:
            "The body must be a form with grant_type, subject_token and subject_token_type, and no field twice; see the "
                + "documentation for the values that are supported."
        }
    }

    var unsupportedMediaType: String {
        switch self {
        case .callback, .http, .wholeBody: ErrorCode.unsupportedMediaType.detail
        case .plainBody: "The body must not be compressed; leave out Content-Encoding."
        case .form, .tokenExchange, .target, .cohort, .configuredName:
            "The Content-Type must be application/x-www-form-urlencoded."
        }
    }
}
