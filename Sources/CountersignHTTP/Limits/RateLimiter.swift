import Synchronization
package import TokenExchange

/// Counts how many refused requests each source may still send: its allowance, a token bucket. Requests that succeed
/// cost nothing. A source without allowance is barred until part of it has come back; its good requests are not looked
/// at either.
///
/// Remembers a bounded number of sources in two generations: when the younger one is full it becomes the older one, and
/// the sources in the older one are forgotten. A forgotten source has its whole allowance again.
package final class RateLimiter: Sendable {
    /// The size and the refill rate of an allowance.
    package struct Limits: Sendable, Equatable {
        /// How much of an allowance comes back each second; 0 turns the limiter off.
        package let requestsPerSecond: Int
        /// The whole allowance: how many refused requests may come at once after a quiet time.
        package let burst: Int
        /// How many sources one generation holds, so up to twice as many are remembered.
        package let sources: Int

        package init(requestsPerSecond: Int, burst: Int, sources: Int) {
            self.requestsPerSecond = requestsPerSecond
            self.burst = burst
            self.sources = sources
        }
    }

    /// A source has no allowance left.
    package struct Bar: Error, Equatable {
        /// How long until it has.
        package let wait: Duration
        /// The reason of the last refusal that it could afford.
        package let reason: LabelValue
    }

    private let allowances: Mutex<Allowances>
    private let elapsed: @Sendable () -> Duration

    /// - Parameter time: its monotonic clock is used.
    package init(_ limits: Limits, time: TimeSource) {
        allowances = Mutex(Allowances(limits: limits))
        elapsed = time.elapsed
    }

    /// Uses the limits of a reload. Allowances are kept unless the limits have changed.
    package func use(_ limits: Limits) {
        allowances.withLock { if $0.limits != limits { $0 = Allowances(limits: limits) } }
    }

    /// How many sources are remembered, and verifiers at sources.
    package var count: Int { allowances.withLock(\.count) }

    /// Spends nothing.
    /// - Parameter source: nil for one without an address, which is never barred.
    /// - Throws: ``Bar`` if the source has no allowance left.
    package func check(_ source: RequestSource?) throws(Bar) {
        guard let source else { return }
        // Nobody is remembered unless somebody was refused lately.
        let bar = allowances.withLock { $0.count == 0 ? nil : $0.bar(AllowanceHolder(source), at: elapsed()) }
        if let bar { throw bar }
    }

    /// Spends allowance for a request that is refused for this reason.
    /// - Throws: ``Bar`` if there is none left; the caller must then not tell the reason.
    package func spend(_ source: RequestSource?, reason: LabelValue) throws(Bar) {
        guard let source else { return }
        if let bar = allowances.withLock({ $0.spend(AllowanceHolder(source), reason: reason, at: elapsed()) }) {
            throw bar
        }
    }
}

// MARK: - Verifiers

extension RateLimiter {
    /// Looks up a verifier by its credentials, unless the source may not guess any more. Finding none is a wrong guess
    /// and spends allowance.
    ///
    /// Both happen in one step, so that parallel guesses cannot outrun the count, and parallel good credentials do not
    /// spend each other's allowance.
    ///
    /// A verifier that has been found at a source has its own allowance there, which only wrong secrets with its id
    /// spend. So nobody else behind the same address can bar it, and its secret cannot be guessed more often than any
    /// other.
    ///
    /// - Parameters:
    ///   - ids: the ids that the request claims.
    ///   - reason: of the refusal if none is found.
    ///   - find: looks the verifier up; called at most once, within the lock.
    /// - Returns: nil if none is found.
    /// - Throws: ``Bar`` if the source may not guess any more.
    package func verifier(
        claiming ids: [ExactText], from source: RequestSource?, reason: LabelValue, find: () -> Verifier?
    ) throws(Bar) -> Verifier? {
        guard let source else { return find() }
        let result = allowances.withLock { allowances -> Result<Verifier?, Bar> in
            let now = elapsed()
            func holders() -> [AllowanceHolder] {
                Set(ids).map { AllowanceHolder(source, verifier: $0) }.filter { allowances.knows($0) }
            }
            if let bar = allowances.bar(AllowanceHolder(source), at: now),
                holders().allSatisfy({ allowances.bar($0, at: now) != nil })
            {
                return .failure(bar)
            }
            guard let verifier = find() else {
                for holder in [AllowanceHolder(source)] + holders() {
                    _ = allowances.spend(holder, reason: reason, at: now)
                }
                return .success(nil)
            }
            allowances.keep(AllowanceHolder(source, verifier: verifier.id), at: now)
            return .success(verifier)
        }
        return try result.get()
    }
}

// MARK: - Allowances

/// Who has an allowance: a source, or a verifier at a source where it was found.
private struct AllowanceHolder: Hashable {
    let source: RequestSource
    let verifier: ExactText?

    init(_ source: RequestSource, verifier: ExactText? = nil) {
        self.source = source
        self.verifier = verifier
    }
}

private struct Allowances {
    let limits: RateLimiter.Limits
    private var younger: [AllowanceHolder: Allowance] = [:]
    private var older: [AllowanceHolder: Allowance] = [:]

    private struct Allowance {
        var rest: Double
        var at: Duration
        /// The reason of the last refusal.
        var reason: LabelValue
    }

    init(limits: RateLimiter.Limits) {
        self.limits = limits
    }

    var count: Int { younger.count + older.count }

    func knows(_ holder: AllowanceHolder) -> Bool { younger[holder] != nil || older[holder] != nil }

    /// Nil while the holder can afford a refusal.
    func bar(_ holder: AllowanceHolder, at now: Duration) -> RateLimiter.Bar? {
        let allowance = allowance(of: holder, at: now)
        guard limits.requestsPerSecond > 0, allowance.rest < 1 else { return nil }
        let wait = Duration.seconds((1 - allowance.rest) / Double(limits.requestsPerSecond))
        return RateLimiter.Bar(wait: wait, reason: allowance.reason)
    }

    /// - Returns: nil if it could afford the refusal, which is then spent.
    mutating func spend(_ holder: AllowanceHolder, reason: LabelValue, at now: Duration) -> RateLimiter.Bar? {
        if let bar = bar(holder, at: now) { return bar }
        guard limits.requestsPerSecond > 0 else { return nil }
        let rest = allowance(of: holder, at: now).rest - 1
        store(Allowance(rest: rest, at: now, reason: reason), of: holder)
        return nil
    }

    /// Keeps remembering a verifier at a source. At first it has as much as the source has left.
    mutating func keep(_ holder: AllowanceHolder, at now: Duration) {
        guard limits.requestsPerSecond > 0, younger[holder] == nil else { return }
        let kept = knows(holder) ? holder : AllowanceHolder(holder.source)
        store(allowance(of: kept, at: now), of: holder)
    }

    /// As it has grown until now; a holder that is not remembered has the whole allowance.
    private func allowance(of holder: AllowanceHolder, at now: Duration) -> Allowance {
        guard var allowance = younger[holder] ?? older[holder] else {
            return Allowance(rest: Double(limits.burst), at: now, reason: .absent)
        }
        let grown = (now - allowance.at).inSeconds * Double(limits.requestsPerSecond)
        allowance.rest = min(Double(limits.burst), allowance.rest + grown)
        allowance.at = now
        return allowance
    }

    private mutating func store(_ allowance: Allowance, of holder: AllowanceHolder) {
        if younger[holder] == nil, younger.count >= limits.sources {
            older = younger
            younger = [:]
        }
        younger[holder] = allowance
    }
}
