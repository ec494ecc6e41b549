import Synchronization
package import TokenExchange

/// How many refused requests each source may still send: its allowance, a token bucket. What is answered as asked costs
/// nothing. A source without allowance is barred until a part of it is back, its good requests too: nobody looks at them.
///
/// Remembers a bounded number of sources in two generations: when the younger is full it becomes the older one, and
/// what was in the older one is forgotten. Forgetting errs on the side of letting a request through.
package final class RateLimiter: Sendable {
    package struct Limits: Sendable, Equatable {
        /// The lasting rate for each source; 0 turns all of it off.
        package let requestsPerSecond: Int
        /// How many may come at once after a quiet time.
        package let burst: Int
        /// Up to twice as many are remembered.
        package let sources: Int

        package init(requestsPerSecond: Int, burst: Int, sources: Int) {
            self.requestsPerSecond = requestsPerSecond
            self.burst = burst
            self.sources = sources
        }
    }

    /// Why a source is not listened to, and for how long.
    package struct Bar: Error, Equatable {
        package let wait: Duration
        /// Of the refusal that was the last one it could afford.
        package let reason: String
    }

    private let allowances: Mutex<Allowances>
    private let elapsed: @Sendable () -> Duration

    package init(_ limits: Limits, time: TimeSource) {
        allowances = Mutex(Allowances(limits: limits))
        elapsed = time.elapsed
    }

    /// Takes up the limits of a reload. Allowances stay unless these are others.
    package func use(_ limits: Limits) {
        allowances.withLock { if $0.limits != limits { $0 = Allowances(limits: limits) } }
    }

    /// How many sources and verifiers are remembered.
    package var count: Int { allowances.withLock(\.count) }

    /// Takes nothing.
    /// - Parameter source: nil for one without an address, which is never barred.
    package func check(_ source: RequestSource?) throws(Bar) {
        guard let source else { return }
        if let bar = allowances.withLock({ $0.bar(AllowanceHolder(source), at: elapsed()) }) { throw bar }
    }

    /// A request of `source` is to be refused for this reason.
    /// - Throws: ``Bar`` if it cannot afford that: then it shall not learn the reason.
    package func spend(_ source: RequestSource?, reason: String) throws(Bar) {
        guard let source else { return }
        if let bar = allowances.withLock({ $0.spend(AllowanceHolder(source), reason: reason, at: elapsed()) }) {
            throw bar
        }
    }
}

// MARK: - Verifiers

extension RateLimiter {
    /// Has a verifier looked up by its credentials, unless the source must not guess any more. Finding nobody is a wrong guess,
    /// and counts.
    ///
    /// Both happen in one step: guesses in parallel cannot outrun the count, and good credentials in parallel do not use up
    /// each other's allowance.
    ///
    /// A verifier that was found for a source has an allowance of its own there, which wrong secrets under its id alone
    /// spend. So nobody else behind the same address can bar it; and its secret can be guessed no more often than any other.
    ///
    /// - Parameters:
    ///   - ids: under which the request presents itself.
    ///   - reason: of the refusal, if nobody is found.
    package func verifier(
        claiming ids: [ExactText], from source: RequestSource?, reason: String, find: () -> Verifier?
    ) throws(Bar) -> Verifier? {
        guard let source else { return find() }
        let result = allowances.withLock { allowances -> Result<Verifier?, Bar> in
            let now = elapsed()
            let holders = Set(ids).map { AllowanceHolder(source, verifier: $0) }.filter { allowances.knows($0) }
            if let bar = allowances.bar(AllowanceHolder(source), at: now),
                holders.allSatisfy({ allowances.bar($0, at: now) != nil })
            {
                return .failure(bar)
            }
            guard let verifier = find() else {
                for holder in [AllowanceHolder(source)] + holders {
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

/// A source; or a verifier at a source where it was found.
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
        /// Of the last refusal.
        var reason: String
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

    /// - Returns: why it cannot; nil if it could.
    mutating func spend(_ holder: AllowanceHolder, reason: String, at now: Duration) -> RateLimiter.Bar? {
        if let bar = bar(holder, at: now) { return bar }
        guard limits.requestsPerSecond > 0 else { return nil }
        let rest = allowance(of: holder, at: now).rest - 1
        store(Allowance(rest: rest, at: now, reason: reason), of: holder)
        return nil
    }

    /// Goes on remembering a verifier at a source. It begins with what the source has left.
    mutating func keep(_ holder: AllowanceHolder, at now: Duration) {
        guard limits.requestsPerSecond > 0, younger[holder] == nil else { return }
        let kept = knows(holder) ? holder : AllowanceHolder(holder.source)
        store(allowance(of: kept, at: now), of: holder)
    }

    /// As it has grown until now; a holder that is not remembered has all of it.
    private func allowance(of holder: AllowanceHolder, at now: Duration) -> Allowance {
        guard var allowance = younger[holder] ?? older[holder] else {
            return Allowance(rest: Double(limits.burst), at: now, reason: "")
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
