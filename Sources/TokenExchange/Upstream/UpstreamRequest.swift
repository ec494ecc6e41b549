/// All that is sent to the internal service for one identity. Secrets are read only when the call is made.
package struct UpstreamRequest: Sendable, Redacted {
    /// What a field is sent with.
    package enum Value: Sendable, Equatable {
        case value(JSONValue, isSecret: Bool)
        /// Not read yet.
        case secret(UpstreamSecret)
        /// The token that the call before this one returns.
        case accessToken
    }

    /// A header or a member of the body.
    package struct Field: Sendable, Equatable, Redacted {
        package let name: ExactText
        package let value: Value
        /// Sent before the value, such as `Bearer `.
        package let prefix: ExactText
    }

    /// The identity provider that the service belongs to.
    package let provider: ExactText
    package let recipe: UpstreamRecipe
    package let headers: [Field]
    package let body: [Field]
    package let trace: RequestTrace

    /// - Throws: if a required claim is absent.
    package init(
        _ recipe: UpstreamRecipe, provider: ExactText, claims: ClaimsSet, identityToken: IdentityToken,
        trace: RequestTrace
    ) throws(ExchangeStop) {
        let resolver = FieldResolver(claims: claims, identityToken: identityToken)
        self.provider = provider
        self.recipe = recipe
        headers = try resolver.fields(recipe.headers)
        body = try resolver.fields(recipe.body)
        self.trace = trace
    }

    /// The fields of the call for an access token, which is the same for every identity.
    ///
    /// - Throws: if a field requires a claim of an identity.
    package static func accessFields(_ fields: [UpstreamField]) throws(UpstreamFailure) -> [Field] {
        do {
            return try FieldResolver(claims: ClaimsSet([]), identityToken: IdentityToken(bytes: [])).fields(fields)
        } catch {
            switch error {
            case .refused(let refusal, _): throw .unavailable(cause: refusal.rawValue)
            case .failed(let failure): throw .unavailable(cause: failure.cause)
            }
        }
    }
}

/// What the internal service learns of the client's request. All of it was checked when it arrived.
package struct RequestTrace: Sendable, Equatable {
    /// `X-Request-Id`.
    package let requestID: String?
    /// W3C Trace Context: the span that the call is a part of.
    package let traceparent: String?
    /// What others have added to it; nil without a `traceparent`.
    package let tracestate: String?

    package init(requestID: String? = nil, traceparent: String? = nil, tracestate: String? = nil) {
        self.requestID = requestID
        self.traceparent = traceparent
        self.tracestate = tracestate
    }
}

private struct FieldResolver {
    let claims: ClaimsSet
    let identityToken: IdentityToken

    func fields(_ fields: [UpstreamField]) throws(ExchangeStop) -> [UpstreamRequest.Field] {
        var resolved: [UpstreamRequest.Field] = []
        for field in fields {
            guard let value = try value(of: field) else { continue }
            resolved.append(UpstreamRequest.Field(name: field.name, value: value, prefix: field.prefix))
        }
        return resolved
    }

    /// Nil for an optional claim that is absent.
    private func value(of field: UpstreamField) throws(ExchangeStop) -> UpstreamRequest.Value? {
        switch field.source {
        case .claim(let mapping):
            do { return try mapping.resolve(in: claims).map { .value($0, isSecret: false) } } catch {
                throw .refused(error)
            }
        case .secret(let secret): return .secret(secret)
        case .identityToken:
            return .value(.string(ExactText(bytes: identityToken.bytes)), isSecret: true)
        case .accessToken: return .accessToken
        }
    }
}
