import HTTPTypes
package import TokenExchange

/// Why a request is not answered as asked. It becomes a problem document (RFC 9457) and one line in the log.
package struct Problem: Error {
    package let code: ErrorCode
    /// The precise reason behind the code, for the log. Never a value from the request.
    let reason: LabelValue?
    /// What failed on our side, for the log; nil if the caller got something wrong.
    let failure: Failure?
    /// If a token's time was wrong: our clock minus the time in the token, for the log.
    let clockDifference: Duration?
    /// How long to wait before trying again; nil for what the code says.
    private var wait: Duration?
    /// Headers that the answer has besides its own.
    var headers: HTTPFields = [:]
    /// The provider of the login, for the log.
    var identityProvider: ConfiguredName?
    /// Of a login, from the moment its request is understood.
    var exchange: ExchangeReport?
    /// Whether this is a login of an optional provider, which goes on without a token if its source is barred or the
    /// request is shed.
    var isOptionalLogin = false
    /// The verifier that sent the request, once it has proved who it is.
    var verifier: ExactText?
    /// If not nil, the answer has the form of RFC 6749 §5.2.
    var oauthError: OAuthError?
    /// Which sentence describes a good request; nil until somebody has chosen one.
    private var expected: RequestForm?

    /// A code that says it all.
    package init(_ code: ErrorCode) {
        self.init(code, reason: nil)
    }

    private init(_ code: ErrorCode, reason: LabelValue?, clockDifference: Duration? = nil) {
        self.code = code
        self.reason = reason
        self.clockDifference = clockDifference
        failure = nil
    }

    /// A token that is refused.
    package init(_ refusal: Refusal, clockDifference: Duration? = nil) {
        self.init(ErrorCode(refusal), reason: LabelValue(refusal), clockDifference: clockDifference)
    }

    /// A request that is refused.
    package init(_ refusal: RequestRefusal) {
        self.init(refusal.code, reason: LabelValue(refusal))
    }

    /// 431 for heads and trailers that are too large (RFC 6585 §5), 400 for everything else.
    package init(_ fault: HTTPFault) {
        self.init(fault.code, reason: LabelValue(fault))
        expected = fault.expected
    }

    /// A failure of our own, in strict mode.
    init(_ failure: Failure) {
        code = ErrorCode(failure.kind)
        reason = nil
        clockDifference = nil
        self.failure = failure
    }

    /// A source without allowance.
    init(_ bar: RateLimiter.Bar) {
        self.init(.rateLimited, reason: bar.reason)
        wait = bar.wait
    }

    /// A request that is shed.
    init(_ overload: AdmissionControl.Overload) {
        self.init(.overloaded, reason: LabelValue(overload.cause))
        wait = overload.wait
    }

    /// The problem that an error of a route is answered with.
    package init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let failure as Failure: self.init(failure)
        case let bar as RateLimiter.Bar: self.init(bar)
        case let overload as AdmissionControl.Overload: self.init(overload)
        case let error as FormError: self.init(.invalidRequest, reason: LabelValue(error))
        case let error as CallbackBodyError: self.init(.invalidRequest, reason: LabelValue(error))
        // A defect: no route throws anything else.
        default: self.init(Failure(.mintFailed, operation: "request", cause: "\(type(of: error))"))
        }
    }

    /// What the same request is answered with if its source has no allowance left to learn this problem.
    func limited(by bar: RateLimiter.Bar) -> Problem {
        var problem = Problem(bar)
        problem.headers = headers
        problem.headers[.wwwAuthenticate] = nil
        problem.headers[.allow] = nil
        problem.identityProvider = identityProvider
        problem.isOptionalLogin = isOptionalLogin
        return oauthError == nil ? problem : problem.asOAuth()
    }

    /// The same problem with further headers.
    func with(_ headers: HTTPFields) -> Problem {
        var problem = self
        problem.headers.append(contentsOf: headers)
        return problem
    }

    /// The same problem with the sentence for this form, unless it has one already.
    func expecting(_ form: RequestForm) -> Problem {
        var problem = self
        problem.expected = expected ?? form
        return problem
    }

    /// A constant sentence for the caller.
    var detail: String {
        switch code {
        case .invalidRequest: expected?.invalidRequest ?? code.detail
        case .unsupportedMediaType: expected?.unsupportedMediaType ?? code.detail
        default: code.detail
        }
    }

    /// Whether it spends the allowance of its source: every 4xx does, except those of a verifier that has proved who it
    /// is. Those who look credentials up have counted wrong ones already.
    var spendsAllowance: Bool {
        verifier == nil && code.status.kind == .clientError
            && ![.rateLimited, .verifierRejected, .operationsSecretRejected].contains(code)
    }

    /// The value of `Countersign-Degraded` if the login goes on without a token; nil if the problem is answered as it
    /// is.
    var degradedBy: ErrorCode? { isOptionalLogin && (code == .rateLimited || code == .overloaded) ? code : nil }

    /// At least 1; nil if trying again would not help.
    var retryAfterSeconds: Int? {
        wait.map { max(1, Int($0.inSeconds.rounded(.up))) } ?? code.retryAfterSeconds
    }

    /// A problem document, an OAuth error, or a login's answer without a token.
    package func reply(requestID: String) -> Reply {
        if let degradedBy { return .callback(nil, degradedBy: degradedBy) }
        if let oauthError { return oauthReply(oauthError, requestID: requestID) }
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        if let seconds = retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        if headers[.wwwAuthenticate] == nil, let challenge = code.challenge { headers[.wwwAuthenticate] = challenge }
        return Reply(status: code.status, headers: headers, body: body(requestID: requestID))
    }

    private func body(requestID: String) -> [UInt8] {
        JSONValue.object([
            .init("type", .string("urn:countersign:problem:\(code.rawValue)")),
            .init("title", .string(code.title)),
            .init("status", .number(literal: String(code.status.code))),
            .init("detail", .string(detail)),
            .init("error_code", .string(code.rawValue)),
            .init("request_id", .string(requestID)),
        ]).text
    }
}
