import TokenExchange

/// How one call ended.
enum AttemptOutcome: Sendable {
    case token(UpstreamToken, note: String)
    /// An answer without a usable token.
    case refused(cause: String)
    /// 401: the access token, if there is one, may be to blame.
    case unauthorized(cause: String)
    /// 429: alive, but wants fewer calls.
    case throttled(cause: String, rest: Duration?)
    /// Nothing was sent.
    case notSent(cause: String)
    /// A new connection closed before a byte of an answer.
    case unanswered(cause: String)
    /// A kept connection closed before a byte of an answer, and the call must not be made twice.
    case stale(cause: String)
    /// 502, 503, 504.
    case busy(cause: String, rest: Duration?)
    /// The service failed; whether it has done anything cannot be told.
    case broken(cause: String)
    case timedOut(cause: String)

    /// Whether the service is alive.
    var isAnswer: Bool {
        switch self {
        case .token, .refused, .unauthorized, .throttled: true
        case .notSent, .unanswered, .stale, .busy, .broken, .timedOut: false
        }
    }

    /// What the service asked for with `Retry-After`.
    var rest: Duration? {
        switch self {
        case .throttled(_, let rest), .busy(_, let rest): rest
        case .token, .refused, .unauthorized, .notSent, .unanswered, .stale, .broken, .timedOut: nil
        }
    }

    /// What to tell the exchange; of no meaning for a token.
    var failure: UpstreamFailure {
        switch self {
        case .token: .refused(cause: "")
        case .refused(let cause), .unauthorized(let cause), .throttled(let cause, _): .refused(cause: cause)
        case .notSent(let cause), .unanswered(let cause), .stale(let cause), .busy(let cause, _), .broken(let cause):
            .unavailable(cause: cause)
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
    func pause(after outcome: AttemptOutcome, made: Int, remaining: Duration, jitter: Double) -> Duration? {
        guard made < attempts else { return nil }
        switch outcome {
        case .notSent: break
        case .busy where isIdempotent, .unanswered where isIdempotent: break
        case .busy, .unanswered, .stale, .token, .refused, .unauthorized, .throttled, .broken, .timedOut: return nil
        }
        let backoff = Self.firstPause * (1 << (made - 1)) * (0.5 + jitter)
        let pause = (outcome.rest ?? .zero) + backoff
        return pause + Self.leastTime < remaining ? pause : nil
    }
}
