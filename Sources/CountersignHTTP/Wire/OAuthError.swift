package import HTTPTypes
import TokenExchange

/// The `error` of the token endpoint's answers (RFC 6749 §5.2, RFC 8693 §2.2.2). The last two come from RFC 6749
/// §4.1.2.1 and are for failures that are not the client's fault.
package enum OAuthError: String, CaseIterable {
    case invalidRequest = "invalid_request"
    case invalidScope = "invalid_scope"
    case invalidTarget = "invalid_target"
    case unsupportedGrantType = "unsupported_grant_type"
    case serverError = "server_error"
    case temporarilyUnavailable = "temporarily_unavailable"
}

extension ErrorCode {
    /// 400 for anything wrong with a token or a target (RFC 6749 §5.2).
    package var oauthStatus: HTTPResponse.Status {
        switch status {
        case .unauthorized, .forbidden, .notFound: .badRequest
        default: status
        }
    }
}

extension Problem {
    /// The same problem, in the form that the token endpoint answers with.
    /// - Parameter error: nil for the one that belongs to the code.
    func asOAuth(_ error: OAuthError? = nil) -> Problem {
        var problem = self
        problem.oauthError = error ?? oauthError ?? OAuthError(code)
        return problem
    }

    /// Has `error_code` as well, because OAuth has only a few values for `error`.
    func oauthReply(_ error: OAuthError, requestID: String) -> Reply {
        var members = JSONObjectWriter(capacity: 256)
        members.add("error", ExactText(error.rawValue))
        members.add("error_description", ExactText(detail))
        members.add("error_code", ExactText(code.rawValue))
        members.add("request_id", ExactText(requestID))
        let reply = Reply.json(members.finish(), status: code.oauthStatus)
        reply.headers.append(contentsOf: headers)
        reply.headers[.pragma] = "no-cache"
        if let seconds = retryAfterSeconds { reply.headers[.retryAfter] = String(seconds) }
        return reply
    }
}

extension HTTPField.Name {
    static let pragma = HTTPField.Name("Pragma")!
}
