package import CountersignHTTP
import Synchronization
package import TokenExchange

/// What came of the requests of the last hour, by the minute, for the status page. Its size is bounded by the names in
/// the configuration and by reasons, which are from closed sets.
package final class RequestHistory: RequestObserver {
    /// What came of a login.
    package enum Outcome: Int, CaseIterable, Sendable {
        /// A new token.
        case issued
        /// The earlier answer to the same login.
        case replayed
        /// An optional login that went on without a token, or without a stored session.
        case degraded
        case refused
        /// By us, in strict mode.
        case failed
    }

    /// How many logins came to each outcome.
    package struct Tally: Equatable, Sendable {
        private var counts = [0, 0, 0, 0, 0]

        package subscript(_ outcome: Outcome) -> Int {
            get { counts[outcome.rawValue] }
            set { counts[outcome.rawValue] = newValue }
        }

        package var total: Int { counts.reduce(0, +) }
    }

    /// Why requests were not answered as asked.
    package struct Reason: Hashable, Sendable {
        let code: ErrorCode
        /// The precise one, which callers are not told; nil if the code says it all.
        let precise: String?

        package init(code: ErrorCode, precise: String?) {
            self.code = code
            self.precise = precise
        }
    }

    /// The last hour.
    package struct Hour: Sendable {
        /// By identity provider, a tally for each minute, the oldest first.
        package fileprivate(set) var logins: [(provider: ExactText, minutes: [Tally])] = []
        /// Most frequent first.
        package fileprivate(set) var reasons: [(reason: Reason, count: Int)] = []
    }

    /// How many minutes are kept.
    static let length = 60

    private struct Minute {
        /// Since the monotonic clock's zero.
        var number = -1
        var logins: [ExactText: Tally] = [:]
        var reasons: [Reason: Int] = [:]
    }

    private let minutes = Mutex([Minute](repeating: Minute(), count: length))

    package init() {}

    /// Costs one lock, and a look into a small table.
    package func observe(_ report: RequestReport) {
        var login: (ExactText, Outcome)?
        if let provider = report.kind.identityProvider, let outcome = report.loginOutcome {
            login = (provider, Outcome(outcome))
        }
        count(login: login, report.reason, at: report.end)
    }

    /// - Parameters:
    ///   - login: nil if the request was none.
    ///   - reason: nil if it was answered as asked.
    ///   - elapsed: when, by the monotonic clock.
    package func count(login: (provider: ExactText, outcome: Outcome)?, _ reason: Reason?, at elapsed: Duration) {
        guard login != nil || reason != nil else { return }
        let number = Self.number(elapsed)
        minutes.withLock { minutes in
            let index = number % Self.length
            if minutes[index].number != number { minutes[index] = Minute(number: number) }
            if let login { minutes[index].logins[login.provider, default: Tally()][login.outcome] += 1 }
            if let reason { minutes[index].reasons[reason, default: 0] += 1 }
        }
    }

    private static func number(_ elapsed: Duration) -> Int { Int(elapsed.components.seconds) / 60 }

    /// - Parameters:
    ///   - elapsed: now, by the monotonic clock.
    ///   - providers: those that are shown even if nobody has logged in.
    package func hour(at elapsed: Duration, of providers: [ExactText]) -> Hour {
        let last = Self.number(elapsed)
        let kept = minutes.withLock(\.self).filter { last - $0.number < Self.length && $0.number <= last }
        var hour = Hour()
        let others = Set(kept.flatMap(\.logins.keys)).subtracting(providers).sorted()
        for provider in providers + others {
            var tallies = [Tally](repeating: Tally(), count: Self.length)
            for minute in kept {
                if let tally = minute.logins[provider] { tallies[Self.length - 1 - (last - minute.number)] = tally }
            }
            hour.logins.append((provider, tallies))
        }
        var reasons: [Reason: Int] = [:]
        for minute in kept { reasons.merge(minute.reasons, uniquingKeysWith: +) }
        hour.reasons = reasons.map { ($0.key, $0.value) }.sorted {
            ($1.count, $0.reason.name) < ($0.count, $1.reason.name)
        }
        return hour
    }
}

extension RequestHistory.Outcome {
    fileprivate init(_ outcome: LoginOutcome) {
        switch outcome {
        case .issued: self = .issued
        case .replayed: self = .replayed
        case .deferred, .degraded: self = .degraded
        case .refused, .rateLimited: self = .refused
        case .failed: self = .failed
        }
    }
}

extension RequestReport {
    /// Nil if the request was answered as asked.
    fileprivate var reason: RequestHistory.Reason? {
        guard let code = kind.error ?? failure.map({ ErrorCode($0.kind) }) else { return nil }
        // That of a barred source is why it was barred.
        return RequestHistory.Reason(code: code, precise: code == .rateLimited ? nil : kind.reason)
    }
}

extension RequestHistory.Reason {
    /// As in the log.
    package var name: String { precise ?? code.rawValue }

    /// What to do about it: of a refused token by the rule that it broke.
    package var remedy: String {
        code.remedy(for: precise)
    }
}
