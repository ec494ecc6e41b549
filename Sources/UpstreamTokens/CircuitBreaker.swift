package import TokenExchange

/// Keeps calls away from a service that is down, since they help neither it nor a login. Knows no clock; times are readings of a
/// monotonic one.
///
/// Closed until a number of calls in a row have failed, or the service asks for a rest; then open for a pause that doubles
/// with each failed probe; then half open: one call probes, the others are refused until it has ended.
package struct CircuitBreaker: Sendable {
    /// How far a pause may lie from its length, as a part of it: replicas do not probe together.
    static let spread = 0.2

    /// A permission to call. Calls that began before the last change say nothing about what is now.
    package struct Permit: Sendable, Equatable {
        fileprivate let generation: Int
    }

    /// A change that operators should know of.
    package enum Event: Sendable, Equatable {
        case opened(Duration)
        case closed
    }

    private enum State {
        case closed(failures: Int)
        case open(until: Duration)
        case halfOpen
    }

    private let limits: CircuitBreakerLimits
    private var state = State.closed(failures: 0)
    private var generation = 0
    private var pause: Duration

    /// Closed, with no failures.
    package init(_ limits: CircuitBreakerLimits) {
        self.limits = limits
        pause = limits.pause
    }

    /// False while it is half open, too.
    package var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Nil if no call may be made now.
    package mutating func permit(at now: Duration) -> Permit? {
        switch state {
        case .closed: break
        case .open(let until):
            guard now >= until else { return nil }
            change(to: .halfOpen)
        case .halfOpen: return nil
        }
        return Permit(generation: generation)
    }

    /// The service answered, with whatever.
    package mutating func succeeded(_ permit: Permit) -> Event? {
        guard permit.generation == generation else { return nil }
        defer { pause = limits.pause }
        guard case .closed = state else {
            change(to: .closed(failures: 0))
            return .closed
        }
        state = .closed(failures: 0)
        return nil
    }

    /// - Parameter jitter: from 0 to 1.
    package mutating func failed(_ permit: Permit, at now: Duration, jitter: Double) -> Event? {
        guard permit.generation == generation else { return nil }
        if case .closed(let failures) = state, failures + 1 < limits.failures {
            state = .closed(failures: failures + 1)
            return nil
        }
        let length = pause * (1 + Self.spread * (2 * jitter - 1))
        change(to: .open(until: now + length))
        pause = min(pause * 2, limits.longestPause)
        return .opened(length)
    }

    /// The call says nothing of the service, so it counts as a failure only if it was a probe.
    package mutating func learnedNothing(_ permit: Permit, at now: Duration, jitter: Double) -> Event? {
        isClosed ? nil : failed(permit, at: now, jitter: jitter)
    }

    /// The service itself has asked for a rest (`Retry-After`): open for that time, or longer if it is already.
    package mutating func rest(for length: Duration, at now: Duration) -> Event? {
        let length = min(length, limits.longestPause)
        if case .open(let until) = state {
            state = .open(until: max(until, now + length))
            return nil
        }
        change(to: .open(until: now + length))
        return .opened(length)
    }

    private mutating func change(to new: State) {
        state = new
        generation += 1
    }
}
