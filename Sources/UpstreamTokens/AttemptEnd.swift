import TokenExchange

/// How one call ended.
enum AttemptEnd: Sendable {
    case token(UpstreamToken, note: String)
    /// An answer without a usable token.
    case refused(cause: String)
    /// 401: the access token, where there is one, may be to blame.
    case unauthorized(cause: String)
    /// Nothing was sent.
    case notSent(cause: String)
    /// 502, 503, 504.
    case busy(cause: String, status: Int, retryAfter: Duration?)
    /// The service failed; whether it has done anything cannot be told.
    case broken(cause: String)
    case timedOut(cause: String)

    /// Whether the service is alive.
    var isAnswer: Bool {
        switch self {
        case .token, .refused, .unauthorized: true
        case .notSent, .busy, .broken, .timedOut: false
        }
    }

    var failure: UpstreamFailure {
        switch self {
        case .token: .refused(cause: "")
        case .refused(let cause), .unauthorized(let cause): .refused(cause: cause)
        case .notSent(let cause), .busy(let cause, _, _), .broken(let cause): .unavailable(cause: cause)
        case .timedOut(let cause): .timedOut(cause: cause)
        }
    }
}

/// Whether to call once more, and when.
struct RetryPlan: Sendable {
    static let firstPause = Duration.milliseconds(50)
    /// A call in less time than this is not worth a try.
    static let leastTime = Duration.milliseconds(20)

    let attempts: Int
    let isIdempotent: Bool

    /// Nil for no further attempt.
    ///
    /// - Parameters:
    ///   - made: how many attempts were made.
    ///   - remaining: until the deadline.
    ///   - jitter: from 0 to 1.
    func pause(after end: AttemptEnd, made: Int, remaining: Duration, jitter: Double) -> Duration? {
        guard made < attempts else { return nil }
        let asked: Duration
        switch end {
        case .notSent: asked = .zero
        case .busy(_, _, let retryAfter) where isIdempotent: asked = retryAfter ?? .zero
        case .busy, .token, .refused, .unauthorized, .broken, .timedOut: return nil
        }
        let backoff = Self.firstPause * (1 << (made - 1)) * (0.5 + jitter)
        let pause = max(asked, .zero) + backoff
        return pause + Self.leastTime < remaining ? pause : nil
    }
}
