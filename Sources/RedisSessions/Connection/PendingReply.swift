package import NIOCore
import Synchronization

/// The caller of one command, suspended until ``finish(_:)``; must be finished exactly once.
package struct PendingReply: Sendable {
    private let receiver: Receiver
    /// When the caller's own budget is spent.
    let end: NIODeadline

    /// The continuation is an unsafe one: tests of the state machine prove that every caller is finished exactly once, and
    /// a checked one would cost an allocation and a lock for each command.
    @safe private enum Receiver {
        case one(UnsafeContinuation<RedisOutcome, Never>)
        case first(of: OutcomePair)
        case second(of: OutcomePair)
        case function(@Sendable (RedisOutcome) -> Void)
    }

    /// Of a command by itself.
    package init(_ continuation: UnsafeContinuation<RedisOutcome, Never>, end: NIODeadline) {
        receiver = unsafe .one(continuation)
        self.end = end
    }

    /// Of the first of two commands; ``OutcomePair`` waits for both.
    package init(firstOf pair: OutcomePair, end: NIODeadline) {
        receiver = .first(of: pair)
        self.end = end
    }

    /// Of the second of two commands.
    package init(secondOf pair: OutcomePair, end: NIODeadline) {
        receiver = .second(of: pair)
        self.end = end
    }

    /// - Parameter body: called on the connection's event loop.
    init(until end: NIODeadline, _ body: @escaping @Sendable (RedisOutcome) -> Void) {
        receiver = .function(body)
        self.end = end
    }

    /// Wakes the caller; for one of two commands once the other is finished too.
    func finish(_ outcome: RedisOutcome) {
        switch receiver {
        case .one(let continuation): unsafe continuation.resume(returning: outcome)
        case .first(let pair): pair.finish { $0.first = outcome }
        case .second(let pair): pair.finish { $0.second = outcome }
        case .function(let body): body(outcome)
        }
    }
}

/// The outcomes of two commands, for one caller.
package final class OutcomePair: Sendable {
    /// Of the two commands, in their order.
    package typealias Outcomes = (first: RedisOutcome, second: RedisOutcome)

    private let outcomes = Mutex<(first: RedisOutcome?, second: RedisOutcome?)>((nil, nil))
    private let continuation: CheckedContinuation<Outcomes, Never>

    /// The continuation is resumed once both commands are finished.
    package init(_ continuation: CheckedContinuation<Outcomes, Never>) {
        self.continuation = continuation
    }

    fileprivate func finish(_ note: (inout sending (first: RedisOutcome?, second: RedisOutcome?)) -> Void) {
        let both = outcomes.withLock { outcomes -> Outcomes? in
            note(&outcomes)
            guard let first = outcomes.first, let second = outcomes.second else { return nil }
            return (first, second)
        }
        if let both { continuation.resume(returning: both) }
    }
}
