/// What a good request looks like; chooses the sentence that a bad one is answered with.
enum RequestForm {
    /// Any request: the rules of HTTP/1.1.
    case http
    /// A body that arrives completely.
    case wholeBody
    /// A body without a content coding.
    case plainBody
    /// The JSON of a login.
    case callback
    /// A form with an external identity, for introspection and revocation.
    case token
    /// The form of the token endpoint.
    case tokenExchange
    /// The `audience` of the token endpoint's form.
    case target
    /// The form that ends the sessions of a cohort.
    case cohort
    /// The name of a tenant or an identity provider in that form.
    case configuredName

    /// The sentence for `invalid_request`.
    var invalidRequest: String {
        switch self {
        case .callback, .plainBody: ErrorCode.invalidRequest.detail
        case .http: "The request is not well-formed HTTP/1.1 with one valid Host."
        case .wholeBody: "The body did not arrive whole in the time that a request has."
        case .target: "At most one audience may be asked for, the name of an identity provider, and no resource."
        case .token: "The body must be a form with the field token, and no field twice."
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

    /// The sentence for `unsupported_media_type`.
    var unsupportedMediaType: String {
        switch self {
        case .callback, .http, .wholeBody: ErrorCode.unsupportedMediaType.detail
        case .plainBody: "The body must not be compressed; leave out Content-Encoding."
        case .token, .tokenExchange, .target, .cohort, .configuredName:
            "The Content-Type must be application/x-www-form-urlencoded."
        }
    }
}
