import TokenExchange

/// Completes a request with the fields of a standard grant. Fields in the file take precedence.
private enum UpstreamPreset: String, CaseIterable {
    /// RFC 8693.
    case tokenExchange = "oauth_token_exchange"
    /// RFC 7523.
    case jwtBearer = "oauth_jwt_bearer"
    /// RFC 6749 §4.4, for the access token that the call needs.
    case clientCredentials = "oauth_client_credentials"

    private static func constant(_ name: ExactText, _ value: ExactText) -> UpstreamField {
        UpstreamField(name: name, source: .claim(ClaimMapping(name: name, source: .value(.string(value)))))
    }

    /// Whether the call itself is a grant, so that its answer has the form of RFC 6749 §5.1.
    var isGrant: Bool { self != .clientCredentials }

    var body: [UpstreamField] {
        switch self {
        case .tokenExchange:
            [
                Self.constant("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                UpstreamField(name: "subject_token", source: .identityToken),
                Self.constant("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ]
        case .jwtBearer:
            [
                Self.constant("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                UpstreamField(name: "assertion", source: .identityToken),
            ]
        case .clientCredentials: []
        }
    }

    var headers: [UpstreamField] {
        self == .clientCredentials
            ? [UpstreamField(name: "Authorization", source: .accessToken, prefix: "Bearer ")] : []
    }

    static let accessBody = [constant("grant_type", "client_credentials")]
}

extension UpstreamRecipe {
    /// - Parameter maximumBytes: of the token.
    static func read(_ section: MappingReader, maximumBytes: Int) -> UpstreamRecipe? {
        let preset: UpstreamPreset? = section.optional("preset") { $0.choice() }
        let access = section.optional("access_token") { reader in
            reader.mapping { UpstreamAccess.read($0, isClientCredentials: preset == .clientCredentials) }
        }
        if preset == .clientCredentials, section.reader("access_token") == nil {
            section.missing(
                "access_token", remedy: "The preset needs `access_token: { url: …, body: … }` for its grant.")
        }
        let isGrant = preset?.isGrant ?? false
        let endpoint = UpstreamEndpoint.read(section, isGrant: isGrant, preset: isGrant ? preset : nil)
        let headers = section.value("headers", default: []) { $0.upstreamHeaders() }.completedHeaders(
            by: preset?.headers ?? [])
        let body = section.upstreamBody(endpoint?.method)
        let transport = section.upstreamTransport()
        let deviceLimit = section.value("devices_per_token", default: 32) { $0.integer(in: 1...256) }
        if let reader = section.reader("access_token") {
            if !section.usesAccessToken(in: headers) { reader.refuseUnused(preset) }
        } else if preset != .clientCredentials {
            section.refuseAccessToken(in: headers + body)
        }
        guard let endpoint else { return nil }
        return UpstreamRecipe(
            endpoint: endpoint, transport: transport, headers: headers,
            body: body.completedBody(by: preset?.body ?? []), access: access, maximumBytes: maximumBytes,
            deviceLimit: deviceLimit)
    }
}

extension UpstreamAccess {
    fileprivate static func read(_ section: MappingReader, isClientCredentials: Bool) -> UpstreamAccess? {
        let endpoint = UpstreamEndpoint.read(
            section, isGrant: true, preset: isClientCredentials ? .clientCredentials : nil)
        let headers = section.value("headers", default: []) { $0.upstreamHeaders() }
        let body = section.upstreamBody(endpoint?.method)
        for field in headers + body {
            guard !field.isSameForEverybody else { continue }
            section.place.report(
                expected: "constants and secrets only", found: "`\(field.name)` from somewhere else",
                remedy: "The access token is the same for everybody, so it cannot depend on an identity.")
        }
        return endpoint.map {
            UpstreamAccess(
                endpoint: $0, headers: headers,
                body: body.completedBody(by: isClientCredentials ? UpstreamPreset.accessBody : []))
        }
    }
}

extension UpstreamEndpoint {
    /// - Parameters:
    ///   - isGrant: whether request and answer have the form of an OAuth grant if the file says nothing.
    ///   - preset: the preset whose grant is the body of this call.
    fileprivate static func read(
        _ section: MappingReader, isGrant: Bool, preset: UpstreamPreset?
    ) -> UpstreamEndpoint? {
        let url = section.required("url") { $0.webAddress(such: "https://loyalty.acme.example/api/tokens")?.text }
        let method = section.value("method", default: Method.post) { reader in
            let method: Method? = reader.choice()
            if method == .get, let preset { reader.refuseGet(for: preset) }
            return method
        }
        let format = section.value("format", default: isGrant ? Format.form : .json) { $0.choice() }
        let tokenAt =
            section.optional("token_at") { $0.jsonPointer() } ?? (isGrant ? JSONPointer("/access_token") : nil)
        if !isGrant, section.reader("token_at") == nil {
            section.missing("token_at", remedy: "Write where the answer holds the token, such as `token_at: /token`.")
        }
        let expiresIn = section.optional("expires_in_at") { $0.jsonPointer() }
        let expiresAt = section.optional("expires_at_at") { reader in
            if expiresIn != nil { reader.refuseSecondExpiry() }
            return reader.jsonPointer()
        }
        let statuses = section.value("success_statuses", default: [200]) {
            $0.list(atLeast: 1) { $0.integer(in: 200...299) }
        }
        let standardExpiry = isGrant ? JSONPointer("/expires_in").map(Expiry.inSeconds) : nil
        guard let url, let tokenAt else { return nil }
        return UpstreamEndpoint(
            url: ExactText(url), method: method, format: format, tokenAt: tokenAt,
            expiry: expiresIn.map(Expiry.inSeconds) ?? expiresAt.map(Expiry.at) ?? standardExpiry,
            successStatuses: Set(statuses))
    }
}

extension MappingReader {
    fileprivate func upstreamTransport() -> UpstreamTransport {
        let timeout = value("timeout", default: .seconds(2)) { $0.duration(in: .milliseconds(50)...(.seconds(30))) }
        let attempts = value("attempts", default: 2) { $0.integer(in: 1...5) }
        let isIdempotent = value("idempotent", default: false) { $0.boolean() }
        let connections = value("connections", default: 64) { $0.integer(in: 1...1024) }
        let calls = value("calls", default: 1024) { $0.integer(in: 1...65_536) }
        let maximumAnswerBytes = value("maximum_answer_bytes", default: 65_536) { $0.integer(in: 256...1_048_576) }
        let circuitBreaker = section("circuit_breaker", CircuitBreakerLimits.read)
        let certificateAuthorityFile = optional("ca_file") { $0.file() }
        let clientCertificate = optional("client_certificate") { $0.mapping(TLSFiles.read) }
        return UpstreamTransport(
            timeout: timeout, attempts: attempts, isIdempotent: isIdempotent, connections: connections,
            calls: calls, maximumAnswerBytes: maximumAnswerBytes,
            circuitBreaker: circuitBreaker ?? CircuitBreakerLimits(),
            certificateAuthorityFile: certificateAuthorityFile, clientCertificate: clientCertificate)
    }

    fileprivate func upstreamBody(_ method: UpstreamEndpoint.Method?) -> [UpstreamField] {
        value("body", default: []) { reader in
            if method == .get { reader.refuseForGet() }
            return reader.upstreamFields()
        }
    }

    /// - Parameter headers: including those of the preset. A field in the file counts even if it could not be read.
    fileprivate func usesAccessToken(in headers: [UpstreamField]) -> Bool {
        headers.contains { $0.source == .accessToken }
            || ["headers", "body"].contains { hasEntry(in: $0, with: "access_token") }
    }

    fileprivate func refuseAccessToken(in fields: [UpstreamField]) {
        for field in fields where field.source == .accessToken {
            place.report(
                expected: "`access_token: { url: … }` beside `{ access_token: true }`",
                found: "`\(field.name)` without it")
        }
    }
}

extension CircuitBreakerLimits {
    fileprivate static func read(_ section: MappingReader) -> CircuitBreakerLimits? {
        let failures = section.value("failures", default: 5) { $0.integer(in: 1...1000) }
        let pause = section.value("pause", default: .seconds(1)) { $0.duration(in: .milliseconds(10)...(.seconds(60))) }
        let longestPause = section.value("longest_pause", default: max(pause, .seconds(30))) {
            $0.duration(in: pause...(.seconds(600)))
        }
        return CircuitBreakerLimits(failures: failures, pause: pause, longestPause: longestPause)
    }
}

extension NodeReader {
    fileprivate func jsonPointer() -> JSONPointer? {
        let what = "a JSON pointer (RFC 6901) such as /access_token"
        guard let text = string(what) else { return nil }
        guard let pointer = JSONPointer(ExactText(text)) else {
            report(expected: what)
            return nil
        }
        return pointer
    }

    fileprivate func refuseForGet() {
        report(expected: "no `body` beside `method: GET`", found: "it", remedy: "Use headers, or another method.")
    }

    fileprivate func refuseGet(for preset: UpstreamPreset) {
        report(
            expected: "POST or PUT for the preset \(preset.rawValue)", found: "GET",
            remedy: "Its grant is the body, and GET has none.")
    }

    fileprivate func refuseUnused(_ preset: UpstreamPreset?) {
        report(
            expected: "a header or a member of the body with `{ access_token: true }`", found: "none",
            remedy: preset == .clientCredentials
                ? "Your `Authorization` takes the place of the preset's; remove it, or send the token elsewhere."
                : "Send the token, as in `headers: { Authorization: { access_token: true, prefix: \"Bearer \" } }`, "
                    + "or remove the call.")
    }

    fileprivate func refuseSecondExpiry() {
        report(expected: "one of `expires_in_at` and `expires_at_at`", found: "both", remedy: "Remove one of them.")
    }
}

extension UpstreamField {
    fileprivate var isSameForEverybody: Bool {
        switch source {
        case .secret: true
        case .claim(let mapping):
            if case .value = mapping.source { true } else { false }
        case .identityToken, .accessToken: false
        }
    }
}

extension [UpstreamField] {
    /// Adds those of `others` whose names are not used yet, whatever their case.
    fileprivate func completedHeaders(by others: [UpstreamField]) -> [UpstreamField] {
        let taken = Set(map { $0.name.lowercasedASCII })
        return others.filter { !taken.contains($0.name.lowercasedASCII) } + self
    }

    /// Adds those of `others` whose names are not used yet.
    fileprivate func completedBody(by others: [UpstreamField]) -> [UpstreamField] {
        let taken = Set(map(\.name))
        return others.filter { !taken.contains($0.name) } + self
    }
}
