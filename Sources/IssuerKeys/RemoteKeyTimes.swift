/// How often an issuer is asked, and how long its last answer counts.
package struct RemoteKeyTimes: Sendable, Hashable {
    /// The soft age: a set is fetched again when it has about this age.
    package let refresh: Duration
    /// The hard age: no set is used beyond it.
    package let maximumAge: Duration
    /// The time in which at most two fetches are made for keys that the set does not have; also the longest wait after a failure.
    package let cooldown: Duration

    /// `maximumAge` must not be shorter than `refresh`.
    package init(refresh: Duration, maximumAge: Duration, cooldown: Duration) {
        self.refresh = refresh
        self.maximumAge = maximumAge
        self.cooldown = cooldown
    }

    /// How far a refresh may lie from `refresh`, as a part of it: replicas that started together drift apart.
    static let refreshSpread = 0.1
    /// How far a retry may lie from its back-off, as a part of it.
    static let retrySpread = 0.2
    /// The shortest wait after a failure.
    static let firstRetry = Duration.seconds(1)

    /// - Parameter jitter: from 0 to 1.
    func untilRefresh(jitter: Double) -> Duration {
        refresh * (1 + Self.refreshSpread * (2 * jitter - 1))
    }

    /// - Parameters:
    ///   - failures: in a row; at least 1.
    ///   - jitter: from 0 to 1.
    func untilRetry(afterFailures failures: Int, jitter: Double) -> Duration {
        let longest = max(cooldown, Self.firstRetry)
        var wait = Self.firstRetry
        for _ in 1..<failures where wait < longest { wait *= 2 }
        return min(max(wait * (1 + Self.retrySpread * (2 * jitter - 1)), Self.firstRetry), longest)
    }
}
