import HTTPTypes
import TokenExchange

/// Why a request is not answered as asked. Becomes a problem document (RFC 9457) and one line in the log.
package struct Problem: Error {
    package let code: ErrorCode
    /// For the log: the precise reason, where the code hides it. Never a value from the request.
    let reason: String?
    /// Whose fault it was, for the log; nil where it is the caller's.
    let failure: Failure?
    /// Where a token's time was wrong: our clock less the one in the token, for the log.
    let clockDifference: Duration?
    var headers: HTTPFields = [:]
    /// Whose callback it was, for the log.
    var identityProvider: ExactText?
    /// Where not nil, the answer has the form of RFC 6749 §5.2.
    var oauthError: OAuthError?
    /// Which sentence tells what a good request is.
    private var expected = RequestForm.callback

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

    func with(_ headers: HTTPFields) -> Problem {
        var problem = self
        problem.headers.append(contentsOf: headers)
        return problem
    }

    func expecting(_ form: RequestForm) -> Problem {
        var problem = self
        problem.expected = form
        return problem
    }

    /// A constant sentence for whoever calls.
    var detail: String {
        switch code {
        case .invalidRequest: expected.invalidRequest
        case .unsupportedMediaType: expected.unsupportedMediaType
        default: code.detail
        }
    }

    func reply(requestID: String) -> Reply {
        if let oauthError { return oauthReply(oauthError, requestID: requestID) }
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        if let seconds = code.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        if let challenge = code.challenge { headers[.wwwAuthenticate] = challenge }
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
