import Logging
import NIOCore
import Synchronization
import TokenExchange

/// The masters of a Redis Cluster: each command goes to the one that has its slot, and from there to wherever that redirects.
///
/// The map of slots is read every few seconds, and at once if a server redirects a command or cannot be reached.
final class ClusterTopology: RedisTopology {
    private static let interval = TimeAmount.seconds(5)
    private static let budget = TimeAmount.milliseconds(400)

    private let configuration: RedisConfiguration
    private let seeds: [RedisNode]
    private let eventLoops: [any EventLoop]
    private let logger: Logger
    private let map = Mutex(ClusterMap())
    private let gate = ReadyGate()
    private let triggers = RefreshTriggers()
    let absence: (fault: ConnectionFault, clock: OutageClock)

    /// - Parameter seeds: at least one; any members of the cluster.
    init(_ configuration: RedisConfiguration, seeds: [RedisAddress], eventLoops: [any EventLoop], logger: Logger) {
        self.configuration = configuration
        self.eventLoops = eventLoops
        self.logger = logger
        absence = (.slotNotCovered, OutageClock(patience: TimeAmount(configuration.reconnectWait)))
        self.seeds = seeds.map {
            RedisNode(
                RedisPeer(discovery: $0, configuration, credentials: configuration.credentials),
                eventLoops: [eventLoops[0]], logger: logger)
        }
    }

    func tags(until end: NIODeadline) async -> [ServerTag] {
        await firstLook(until: end)
        return map.withLock { $0 }.tags
    }

    var servers: [RedisServerStatus] {
        let masters = map.withLock(\.nodes).map { RedisServerStatus($0, .master) }
        return masters.sorted { "\($0.address)" < "\($1.address)" } + seeds.map { RedisServerStatus($0, .member) }
    }

    func lookAgain() { triggers.ask() }

    var now: NIODeadline { eventLoops[0].now }

    func run() async {
        for seed in seeds { seed.start() }
        await untilShutdown { [self] in
            await triggers.each(Self.interval, on: eventLoops[0]) { await look() }
        }
        for node in seeds + map.withLock(\.nodes) { await node.stop() }
    }
}

// MARK: - Nodes

extension ClusterTopology {
    func node(for slot: ClusterSlot?) -> RedisNode? { map.withLock { $0.node(for: slot) } }

    func firstLook(until end: NIODeadline) async { await gate.pass(until: end, from: now) }

    /// A redirection for good is remembered, and a sign that more of the map has changed.
    func node(at redirection: ClusterRedirection, from node: RedisNode) -> RedisNode? {
        if redirection.kind == .moved { triggers.ask() }
        guard let target = redirection.target(from: node.address) else { return nil }
        return map.withLock { map in
            let node = map.node(at: target) ?? map.add { dataNode(at: target) }
            if node != nil, redirection.kind == .moved { map.assign(redirection.slot, to: target) }
            return node
        }
    }

    /// Already connecting.
    private func dataNode(at address: RedisAddress) -> RedisNode {
        let node = RedisNode(RedisPeer(dataNode: address, configuration), eventLoops: eventLoops, logger: logger)
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
            map.replace(with: ranges) { dataNode(at: $0) }
        }
        for node in dropped { await node.stop(within: TimeAmount(configuration.commandTimeout)) }
    }

    /// As the first member says that answers.
    private func ranges() async -> [ClusterMap.Range]? {
        let command = RedisCommand(
            opening: .words(RESPArguments("CLUSTER", "SLOTS")), arguments: RESPArguments(), reply: .array)
        let members = map.withLock(\.nodes).filter(\.isHealthy).shuffled() + seeds
        for member in members {
            guard case .reply(let reply) = await member.execute(command, until: now + Self.budget),
                let ranges = ClusterMap.Range.all(in: reply, from: member.address), !ranges.isEmpty
            else { continue }
            return ranges
        }
        return nil
    }
}
