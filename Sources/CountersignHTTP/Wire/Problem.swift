import HTTPTypes
import TokenExchange

/// Why a request is not answered as asked. Becomes a problem document (RFC 9457) and one line in the log.
package struct Problem: Error {
    package let code: ErrorCode
    /// For the log: the precise reason, where the code hides it. Never a value from the request.
    let reason: String?
    /// Whose fault it was, for the log; nil if it is the caller's.
    let failure: Failure?
    /// Where a token's time was wrong: our clock less the one in the token, for the log.
    let clockDifference: Duration?
    /// After what time to try again, if that is known better than the code knows it.
    private var wait: Duration?
    var headers: HTTPFields = [:]
    /// Whose callback it was, for the log.
    var identityProvider: ExactText?
    /// Whether it is about a login that goes on without a token rather than wait.
    var isOptionalLogin = false
    /// The verifier whose request it was, once it has proved who it is.
    var verifier: ExactText?
    /// Where not nil, the answer has the form of RFC 6749 §5.2.
    var oauthError: OAuthError?
    /// Which sentence tells what a good request is; nil for that of the endpoint.
    private var expected: RequestForm?

    package init(_ code: ErrorCode, reason: String? = nil) {
        self.code = code
        self.reason = reason
        failure = nil
        clockDifference = nil
    }

    init(_ refusal: Refusal, clockDifference: Duration? = nil) {
        code = ErrorCode(refusal)
        reason = refusal.rawValue
        failure = nil
        self.clockDifference = clockDifference
    }

    init(_ failure: Failure) {
        code = ErrorCode(failure.kind)
        reason = nil
        clockDifference = nil
        self.failure = failure
    }

    init(_ bar: RateLimiter.Bar) {
        self.init(.rateLimited, reason: bar.reason)
        wait = bar.wait
    }

    /// The same request's problem, if its source may not learn this one any more.
    func limited(by bar: RateLimiter.Bar) -> Problem {
        var problem = Problem(bar)
        problem.headers = headers
        problem.headers[.wwwAuthenticate] = nil
        problem.headers[.allow] = nil
        problem.identityProvider = identityProvider
        problem.isOptionalLogin = isOptionalLogin
        return oauthError == nil ? problem : problem.asOAuth()
    }

    func with(_ headers: HTTPFields) -> Problem {
        var problem = self
        problem.headers.append(contentsOf: headers)
        return problem
    }

    /// Does not change what is known already.
    func expecting(_ form: RequestForm) -> Problem {
        var problem = self
        problem.expected = expected ?? form
        return problem
    }

    /// A constant sentence for whoever calls.
    var detail: String {
        switch code {
        case .invalidRequest: expected?.invalidRequest ?? code.detail
        case .unsupportedMediaType: expected?.unsupportedMediaType ?? code.detail
        default: code.detail
        }
    }

    /// Whether it spends the allowance of its source. What the caller got wrong does, except a verifier that has proved who it
    /// is; wrong credentials are counted by ``VerifierAccess`` already.
    var spendsAllowance: Bool {
        code.status.kind == .clientError && verifier == nil && code != .rateLimited && code != .verifierRejected
    }

    /// What an answer without a token names as its cause; nil if the problem is answered as what it is.
    var degradedBy: ErrorCode? { isOptionalLogin && code == .rateLimited ? code : nil }

    var retryAfterSeconds: Int? {
        wait.map { max(1, Int($0.inSeconds.rounded(.up))) } ?? code.retryAfterSeconds
    }

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
