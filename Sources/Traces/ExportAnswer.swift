import Outbound
import TokenExchange

/// What becomes of spans that were sent (OTLP specification, «OTLP/HTTP Response»).
enum ExportAnswer: Sendable, Equatable {
    /// - Parameter refused: spans that the collector says it does not want.
    case taken(refused: Int)
    /// The collector does not want them, now or later.
    case refused(cause: String)
    /// The same request may be made again.
    /// - Parameter pause: what the collector asks for; nil if it does not say.
    case again(after: Duration?, cause: String)

    /// - Parameter now: for a `Retry-After` that is a date.
    init(_ answer: OutboundAnswer, now: UnixTime) {
        switch answer.status {
        case 200..<300: self = .taken(refused: Self.refusedSpans(answer.body))
        case 429, 502, 503, 504:
            let pause = answer.header("Retry-After").flatMap {
                RetryAfter.duration($0, date: answer.header("Date"), now: now)
            }
            self = .again(after: pause, cause: "status \(answer.status)")
        default: self = .refused(cause: "status \(answer.status)")
        }
    }

    /// An answer that never came: spans may be sent twice, since their ids tell a collector so.
    init(_ fault: OutboundFault) {
        switch fault.kind {
        case .refused: self = .refused(cause: fault.cause)
        case .notSent, .unanswered, .stale, .broken, .timedOut: self = .again(after: nil, cause: fault.cause)
        }
    }

    /// `partialSuccess.rejectedSpans`, a number or, as JSON has 64 bits, a string.
    private static func refusedSpans(_ body: [UInt8]) -> Int {
        let value = try? JSONValue(parsing: body)["partialSuccess"]?["rejectedSpans"]
        let text = (value?.string).map { String($0) } ?? value?.integer.map { String($0) }
        return max(0, text.flatMap { Int($0) } ?? 0)
    }
}
