import Logging
import NIOCore
import Synchronization
import TokenExchange

/// The masters of a Redis Cluster: each command goes to the one that has its slot, and follows where that one sends it.
///
/// The map of slots is read every few seconds, and at once where a server redirects a command or cannot be reached.
final class ClusterTopology: RedisTopology {
    private static let interval = TimeAmount.seconds(5)
    private static let budget = TimeAmount.milliseconds(400)
    /// A command is redirected twice while a slot moves; more often only where servers disagree about the map.
    private static let maximumRedirections = 8
    /// Before what a moving slot has put off is tried again.
    private static let retryPause = Duration.milliseconds(10)

    private let configuration: RedisConfiguration
    private let seeds: [RedisNode]
    private let eventLoops: [any EventLoop]
    private let logger: Logger
    private let map = Mutex(ClusterMap())
    private let gate = StartGate()
    private let occasions = Occasions()

    /// - Parameter seeds: at least one; any members of the cluster.
    init(_ configuration: RedisConfiguration, seeds: [RedisAddress], eventLoops: [any EventLoop], logger: Logger) {
        self.configuration = configuration
        self.eventLoops = eventLoops
        self.logger = logger
        self.seeds = seeds.map {
            RedisNode(
                RedisPeer($0, configuration, role: .guide, credentials: configuration.credentials),
                eventLoops: [eventLoops[0]], logger: logger)
        }
    }

    var tags: [[UInt8]] { map.withLock { $0 }.tags }

    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        await follow(command, until: end) { node, isAsking in
            await node.execute(command, isAsking: isAsking, until: end)
        } redirection: {
            $0
        } ?? .notConnected(.slotNotCovered)
    }

    func execute(_ command: RedisCommand, then second: RedisCommand, until end: NIODeadline) async
        -> OutcomePair.Outcomes
    {
        await follow(command, until: end) { node, isAsking in
            await node.execute(command, then: second, isAsking: isAsking, until: end)
        } redirection: {
            $0.first
        } ?? (.notConnected(.slotNotCovered), .notConnected(.slotNotCovered))
    }

    func run() async {
        for seed in seeds { seed.start() }
        await untilShutdown { [self] in
            await occasions.each(Self.interval, on: eventLoops[0]) { await look() }
        }
        for node in seeds + map.withLock(\.nodes) { await node.stop() }
    }
}

// MARK: - Redirections

extension ClusterTopology {
    /// Sends by `send` until a reply is none that sends elsewhere; nil where nobody has the slot.
    /// - Parameter redirection: the outcome that may redirect.
    private func follow<Outcome: Sendable>(
        _ command: RedisCommand, until end: NIODeadline,
        send: (RedisNode, _ isAsking: Bool) async -> Outcome, redirection: (Outcome) -> RedisOutcome
    ) async -> Outcome? {
        guard var node = await node(for: command.slot, until: end) else {
            occasions.ask()
            return nil
        }
        var isAsking = false
        var redirections = 0
        while true {
            let outcome = await send(node, isAsking)
            guard NIODeadline.now() < end, redirections < Self.maximumRedirections else { return outcome }
            switch redirection(outcome) {
            case .reply(.redirection(let redirection)):
                redirections += 1
                isAsking = redirection.kind == .ask
                node = self.node(at: redirection, from: node.address)
            case .reply(.error(code: "TRYAGAIN")):
                try? await Task.sleep(for: Self.retryPause)
            case .reply(.error(code: "CLUSTERDOWN")), .failure(.notConnected):
                occasions.ask()
                return outcome
            default: return outcome
            }
        }
    }

    private func node(for slot: ClusterSlot?, until end: NIODeadline) async -> RedisNode? {
        if let node = map.withLock({ $0.node(for: slot) }) { return node }
        await gate.pass(until: end)
        return map.withLock { $0.node(for: slot) }
    }

    /// Where `redirection` leads; one for good is remembered, and a sign that more of the map has changed.
    private func node(at redirection: ClusterRedirection, from server: RedisAddress) -> RedisNode {
        if redirection.kind == .moved { occasions.ask() }
        let target = redirection.target(from: server)
        return map.withLock { map in
            let node = map.node(at: target) ?? map.add(keeper(at: target))
            if redirection.kind == .moved { map.assign(redirection.slot, to: target) }
            return node
        }
    }

    /// Already connecting.
    private func keeper(at address: RedisAddress) -> RedisNode {
        let node = RedisNode(RedisPeer(keeper: address, configuration), eventLoops: eventLoops, logger: logger)
        node.start()
        return node
    }
}

// MARK: - Reading the map

extension ClusterTopology {
    private func look() async {
        defer { gate.open() }
        guard let ranges = await ranges() else { return }
        let dropped = map.withLock { map in
            map.replace(with: ranges) { keeper(at: $0) }
        }
        for node in dropped { await node.stop() }
    }

    /// As the first member says that answers.
    private func ranges() async -> [ClusterMap.Range]? {
        let command = RedisCommand(
            opening: .words(RESPArguments("CLUSTER", "SLOTS")), arguments: RESPArguments(), reply: .array)
        let members = map.withLock(\.nodes).filter(\.isOpen).shuffled() + seeds
        for member in members {
            guard case .reply(let reply) = await member.execute(command, until: .now() + Self.budget),
                let ranges = ClusterMap.Range.all(in: reply, from: member.address), !ranges.isEmpty
            else { continue }
            return ranges
        }
        return nil
    }
}
