import NIOCore
import TokenExchange

/// A command is sent until it has its answer, or its time runs out: to another server if a server says so, again if the
/// connection ended before the reply or the server could not execute it yet.
extension RedisTopology {
    /// Ends by `end`, with a reply, or the reason why there is none.
    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        // Nearly always the server is known and does as it is told, and none of what follows is needed.
        guard let node = node(for: command.slot) else { return await execute(command, then: nil, until: end).first }
        absence.clock.end()
        let outcome = await node.execute(command, until: end)
        guard case .reply(let reply) = outcome, !reply.isRefusal else {
            return await execute(command, then: nil, until: end, after: (node, (outcome, nil))).first
        }
        node.outage.end()
        return outcome
    }

    /// If there is a second command, both in turn on one connection, which the second may block.
    ///
    /// Not inlined: what it needs would be kept in the frame of its caller.
    /// - Parameter attempt: how the command ended before, and where.
    @inline(never)
    func execute(
        _ command: RedisCommand, then second: RedisCommand?, until end: NIODeadline,
        after attempt: (node: RedisNode, outcomes: RedisOutcomes)? = nil
    ) async -> RedisOutcomes {
        let first = if let attempt { attempt.node } else { await find(command.slot, until: end) }
        guard var node = first else { return (.notConnected(absence.fault), nil) }
        var known = attempt?.outcomes
        var isAsking = false
        var budget = Budget()
        while true {
            let outcomes =
                if let outcomes = known.take() {
                    outcomes
                } else { await node.execute(command, then: second, isAsking: isAsking, until: end) }
            guard now < end else { return outcomes }
            let consequence = command.consequence(of: outcomes)
            switch consequence {
            case .redirected(let redirection):
                guard budget.spend(\.redirections), let target = self.node(at: redirection, from: node) else {
                    return outcomes
                }
                (node, isAsking) = (target, redirection.kind == .ask)
                continue
            case .postponed:
                guard budget.spend(\.postponements), await pause(.milliseconds(10), until: end) else { return outcomes }
                continue
            case .refusedForNow:
                node.outage.begin(at: now)
                guard node.outage.isYoung(at: now), await pause(.milliseconds(25), until: end) else {
                    return outcomes
                }
            case .answered:
                node.outage.end()
                return outcomes
            case .lost, .notSent: guard budget.spend(\.losses) else { return outcomes }
            case .failed: return outcomes
            }
            lookAgain()
            guard let next = await find(command.slot, until: end) else { return (.notConnected(absence.fault), nil) }
            if case .notSent = consequence, next === node { return outcomes }
            (node, isAsking) = (next, false)
        }
    }

    /// Waits a moment for a server to be found, as for one that has just gone.
    private func find(_ slot: ClusterSlot?, until end: NIODeadline) async -> RedisNode? {
        var node = node(for: slot)
        if node == nil {
            await firstLook(until: end)
            node = self.node(for: slot)
        }
        while node == nil {
            let now = now
            absence.clock.begin(at: now)
            lookAgain()
            guard now < end, absence.clock.isYoung(at: now), await pause(.milliseconds(25), until: end) else {
                return nil
            }
            node = self.node(for: slot)
        }
        absence.clock.end()
        return node
    }

    /// - Returns: false if there is no time for it, or the caller was cancelled.
    private func pause(_ duration: Duration, until end: NIODeadline) async -> Bool {
        guard now + TimeAmount(duration) < end else { return false }
        return (try? await Task.sleep(for: duration)) != nil
    }
}

/// What follows from a command's outcome.
private enum Consequence {
    case answered
    case failed
    case redirected(ClusterRedirection)
    case postponed
    /// Soon the server might execute it.
    case refusedForNow
    case lost
    case notSent
}

extension RedisCommand {
    /// What follows from the outcomes of the command, and of one that came after it.
    ///
    /// Not inlined: what it needs for a moment would be kept in the frame of its caller.
    @inline(never)
    fileprivate func consequence(of outcomes: RedisOutcomes) -> Consequence {
        if case .lost = outcomes.second { return alwaysWrites ? .lost : .notSent }
        switch outcomes.first {
        case .reply(.redirection(let redirection)): return .redirected(redirection)
        case .reply(.error(code: "TRYAGAIN")): return .postponed
        case .reply(.error(let code)) where Refusals.passing.contains(code): return .refusedForNow
        case .reply: return .answered
        case .lost: return .lost
        case .failure(.notConnected): return .notSent
        case .failure: return .failed
        }
    }
}

/// What one command may cost.
private struct Budget {
    /// Two while a slot moves; more only if servers disagree about the map.
    var redirections = 8
    /// A hundred milliseconds: as long as a slot's keys take to move.
    var postponements = 10
    /// Each has ended a connection. One that was lost so often might end the next one too.
    var losses = 3

    mutating func spend(_ kind: WritableKeyPath<Budget, Int>) -> Bool {
        self[keyPath: kind] -= 1
        return self[keyPath: kind] >= 0
    }
}

/// Errors by which a server says that it has not executed a command, and soon might.
private enum Refusals {
    static let passing: Set<String> = ["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOAUTH", "READONLY"]
}
