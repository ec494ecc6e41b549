import Synchronization
package import TokenExchange

/// Sheds requests of a listener that has more to do than it can, while that is still cheap, so that the others are
/// answered in time.
///
/// Two things are bounded. *How long requests wait* for their event loop (``check(_:as:)``, asked before anything else is
/// done): processor time is short. *How many are in progress* (``enter(_:)``, asked once the body has arrived, because a
/// client that sends slowly must not take a place): the store or an internal service is slow.
package final class AdmissionControl: Sendable {
    package struct Limits: Sendable, Equatable {
        package let requestsInProgress: Int
        package let queueingTime: Duration

        package init(requestsInProgress: Int, queueingTime: Duration) {
            self.requestsInProgress = requestsInProgress
            self.queueingTime = queueingTime
        }
    }

    /// In the order in which they are shed. A session that exists has cost its login already, and is of no use if nobody
    /// may ask about it. Revocations and documents are never shed.
    package enum Purpose: Int, Sendable {
        case login = 1
        /// About a session.
        case question
    }

    /// A request is shed.
    package struct Overload: Error, Equatable {
        /// Raw values are in logs and metrics.
        package enum Cause: String, Sendable, CaseIterable {
            case inProgress = "in_progress"
            case providerInProgress = "provider_in_progress"
            case queueingTime = "queueing_time"
        }

        package let cause: Cause
        /// How long to wait before trying again: 1 to 3 seconds, so that not all come back together.
        package let wait: Duration
    }

    private struct State {
        var limits: Limits
        var inProgress = 0
        var byProvider: [ConfiguredName: Int] = [:]
        var shedCount = 0

        mutating func overload(_ cause: Overload.Cause) -> Overload {
            shedCount += 1
            return Overload(cause: cause, wait: .seconds(1 + shedCount % 3))
        }
    }

    private let state: Mutex<State>

    package init(_ limits: Limits) {
        state = Mutex(State(limits: limits))
    }

    /// Uses the limits of a reload. Requests in progress stay counted.
    package func use(_ limits: Limits) { state.withLock { $0.limits = limits } }

    /// How long requests may wait for their event loop.
    var queueingTime: Duration { state.withLock(\.limits.queueingTime) }

    /// Requests in progress of all providers that have had any, and of those that belong to no provider (nil).
    package var inProgress: [(provider: ConfiguredName?, count: Int)] {
        state.withLock { state in
            let named = state.byProvider.map { ($0.key as ConfiguredName?, $0.value) }
            return named + [(nil, state.inProgress - state.byProvider.values.reduce(0, +))]
        }
    }

    /// Whether a request may begin. Logins may wait for the queueing time, questions twice as long.
    package func check(_ delay: QueueingDelay, as purpose: Purpose) throws(Overload) {
        let overload: Overload? = state.withLock { state in
            if delay.excess > state.limits.queueingTime * purpose.rawValue { return state.overload(.queueingTime) }
            return state.inProgress < state.limits.requestsInProgress ? nil : state.overload(.inProgress)
        }
        if let overload { throw overload }
    }

    /// Counts a request as in progress, until ``leave(_:)``.
    ///
    /// A provider whose tokens come from an internal service, and that has no limit of its own, gets no more places than
    /// are free. So however many services are slow, other providers find places.
    /// - Parameter provider: whose login it is; nil for questions.
    package func enter(_ provider: IdentityProvider?) throws(Overload) {
        let overload: Overload? = state.withLock { state in
            let free = state.limits.requestsInProgress - state.inProgress
            guard free > 0 else { return state.overload(.inProgress) }
            if let provider {
                let most = provider.requestsInProgress ?? (provider.isUpstream ? free : .max)
                guard Self.add(to: &state.byProvider[ConfiguredName(provider), default: 0], upTo: most) else {
                    return state.overload(.providerInProgress)
                }
            }
            state.inProgress += 1
            return nil
        }
        if let overload { throw overload }
    }

    /// - Returns: false if there are `limit` already.
    private static func add(to count: inout Int, upTo limit: Int) -> Bool {
        guard count < limit else { return false }
        count += 1
        return true
    }

    /// A request that has entered is done.
    package func leave(_ provider: IdentityProvider?) {
        state.withLock { state in
            state.inProgress -= 1
            if let provider { state.byProvider[ConfiguredName(provider), default: 1] -= 1 }
        }
    }
}
