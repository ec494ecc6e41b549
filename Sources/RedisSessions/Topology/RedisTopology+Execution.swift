import NIOCore
import TokenExchange

/// A command is sent until it has its answer, or its time runs out: to another server if a server says so, again if the
/// connection ended before the reply or the server could not execute it yet.
extension RedisTopology {
    /// Ends by `end`, with a reply, or the reason why there is none.
    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        await pursue(command, until: end) { node, isAsking in
            await node.execute(command, isAsking: isAsking, until: end)
        } decisive: {
            $0
        } ?? .notConnected(absence.fault)
    }

    /// Both commands in turn on one connection, which the second may block.
    func execute(_ command: RedisCommand, then second: RedisCommand, until end: NIODeadline) async
        -> OutcomePair.Outcomes
    {
        await pursue(command, until: end) { node, isAsking in
            await node.execute(command, then: second, isAsking: isAsking, until: end)
        } decisive: { outcomes in
            guard case .lost(let fault) = outcomes.second else { return outcomes.first }
            return command.alwaysWrites ? .lost(fault) : .notConnected(fault)
        } ?? (.notConnected(absence.fault), .notConnected(absence.fault))
    }

    /// - Parameter decisive: what decides whether the outcome is final.
    /// - Returns: nil if there is no server for the command.
    private func pursue<Outcome: Sendable>(
        _ command: RedisCommand, until end: NIODeadline,
        send: (RedisNode, _ isAsking: Bool) async -> Outcome, decisive: (Outcome) -> RedisOutcome
    ) async -> Outcome? {
        guard var node = await find(command.slot, until: end) else { return nil }
        var isAsking = false
        var budget = Budget()
        while true {
            let outcome = await send(node, isAsking)
            guard now < end else { return outcome }
            switch decisive(outcome) {
            case .reply(.redirection(let redirection)):
                guard budget.spend(\.redirections), let target = self.node(at: redirection, from: node) else {
                    return outcome
                }
                (node, isAsking) = (target, redirection.kind == .ask)
                continue
            case .reply(.error(code: "TRYAGAIN")):
                guard budget.spend(\.postponements), await pause(.milliseconds(10), until: end) else { return outcome }
                continue
            case .reply(.error(let code)) where Refusals.passing.contains(code):
                node.outage.begin(at: now)
                guard node.outage.isYoung(at: now), await pause(.milliseconds(25), until: end) else {
                    return outcome
                }
            case .reply:
                node.outage.end()
                return outcome
            case .lost: guard budget.spend(\.losses) else { return outcome }
            case .failure(.notConnected): guard budget.spend(\.losses) else { return outcome }
            case .failure: return outcome
            }
            lookAgain()
            guard let next = await find(command.slot, until: end) else { return nil }
            if case .failure = decisive(outcome), next === node { return outcome }
            (node, isAsking) = (next, false)
        }
    }

    /// Waits a moment for a server to be found, as for one that has just gone.
    private func find(_ slot: ClusterSlot?, until end: NIODeadline) async -> RedisNode? {
        while true {
            if let node = await node(for: slot, until: end) {
                absence.clock.end()
                return node
            }
            let now = now
            absence.clock.begin(at: now)
            lookAgain()
            guard now < end, absence.clock.isYoung(at: now), await pause(.milliseconds(25), until: end) else {
                return nil
            }
        }
    }

    /// - Returns: false if there is no time for it, or the caller was cancelled.
    private func pause(_ duration: Duration, until end: NIODeadline) async -> Bool {
        guard now + TimeAmount(duration) < end else { return false }
        return (try? await Task.sleep(for: duration)) != nil
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
