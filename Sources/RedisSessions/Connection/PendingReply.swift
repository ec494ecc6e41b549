import NIOCore
import Synchronization

/// The caller of one command, suspended until ``finish(_:)``; must be finished exactly once.
struct PendingReply: Sendable {
    private let receiver: Receiver
    let shape: RedisCommand.ReplyShape
    /// When the caller's own budget is spent.
    let end: NIODeadline

    /// An unsafe continuation, of a result that cannot throw: the state machine's tests hold that every caller is
    /// finished once, and a checked one would allocate a box and take a lock for each command to find that out again.
    @safe private enum Receiver {
        case one(UnsafeContinuation<RedisOutcome, Never>)
        case first(of: OutcomePair)
        case second(of: OutcomePair)
    }

    init(_ continuation: UnsafeContinuation<RedisOutcome, Never>, for command: RedisCommand, end: NIODeadline) {
        receiver = unsafe .one(continuation)
        shape = command.reply
        self.end = end
    }

    init(firstOf pair: OutcomePair, for command: RedisCommand, end: NIODeadline) {
        receiver = .first(of: pair)
        shape = command.reply
        self.end = end
    }

    init(secondOf pair: OutcomePair, for command: RedisCommand, end: NIODeadline) {
        receiver = .second(of: pair)
        shape = command.reply
        self.end = end
    }

    func finish(_ outcome: RedisOutcome) {
        switch receiver {
        case .one(let continuation): unsafe continuation.resume(returning: outcome)
        case .first(let pair): pair.finish { $0.first = outcome }
        case .second(let pair): pair.finish { $0.second = outcome }
        }
    }
}

/// The outcomes of two commands, for one caller.
final class OutcomePair: Sendable {
    typealias Outcomes = (first: RedisOutcome, second: RedisOutcome)

    private let outcomes = Mutex<(first: RedisOutcome?, second: RedisOutcome?)>((nil, nil))
    private let continuation: CheckedContinuation<Outcomes, Never>

    init(_ continuation: CheckedContinuation<Outcomes, Never>) {
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
