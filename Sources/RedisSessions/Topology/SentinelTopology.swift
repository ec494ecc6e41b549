import Logging
import NIOCore
import Synchronization
import TokenExchange

/// The master that most sentinels name, asked anew five times a second: after a failover its successor takes over here.
///
/// A sentinel that is cut off from the others may name a former master; it is outvoted, or else the handshake finds out
/// (``RedisHandshake``), and a master that is made a replica refuses to write, which ends the connection.
final class SentinelTopology: RedisTopology {
    /// A former master may take writes until the sentinels reach it, and loses them; so do not stay with it for long.
    private static let interval = TimeAmount.milliseconds(200)
    private static let budget = TimeAmount.milliseconds(400)

    private let configuration: RedisConfiguration
    private let service: String
    private let sentinels: [RedisNode]
    private let eventLoops: [any EventLoop]
    private let logger: Logger
    private let master = Mutex<RedisNode?>(nil)
    private let gate = StartGate()
    private let occasions = Occasions()

    /// - Parameter sentinels: at least one.
    init(
        _ configuration: RedisConfiguration, sentinels: [RedisAddress], service: String, eventLoops: [any EventLoop],
        logger: Logger
    ) {
        self.configuration = configuration
        self.service = service
        self.eventLoops = eventLoops
        self.logger = logger
        self.sentinels = sentinels.map {
            RedisNode(
                RedisPeer($0, configuration, role: .guide, credentials: configuration.sentinelCredentials),
                eventLoops: [eventLoops[0]], logger: logger)
        }
    }

    var keepers: [RedisNode] { master.withLock { $0 }.map { [$0] } ?? [] }

    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        guard let master = await currentMaster(until: end) else { return .notConnected(.noMaster) }
        return await master.execute(command, until: end)
    }

    func execute(_ command: RedisCommand, then second: RedisCommand, until end: NIODeadline) async
        -> OutcomePair.Outcomes
    {
        guard let master = await currentMaster(until: end) else {
            return (.notConnected(.noMaster), .notConnected(.noMaster))
        }
        return await master.execute(command, then: second, until: end)
    }

    private func currentMaster(until end: NIODeadline) async -> RedisNode? {
        if let master = master.withLock({ $0 }) { return master }
        await gate.pass(until: end)
        return master.withLock { $0 }
    }

    func run() async {
        for sentinel in sentinels { sentinel.start() }
        await untilShutdown { [self] in
            await occasions.each(Self.interval, on: eventLoops[0]) { await look() }
        }
        for node in sentinels + keepers { await node.stop() }
    }
}

// MARK: - Asking the sentinels

extension SentinelTopology {
    private func look() async {
        defer { gate.open() }
        let votes = await votes()
        let current = master.withLock { $0 }
        // Half against half nothing changes.
        guard let (address, count) = votes.max(by: { $0.value < $1.value }), address != current?.address,
            count > current.map({ votes[$0.address, default: 0] }) ?? 0
        else { return }
        logger.notice("Redis master", metadata: ["server": "\(address)"])
        let successor = RedisNode(RedisPeer(keeper: address, configuration), eventLoops: eventLoops, logger: logger)
        successor.start()
        master.withLock { $0 = successor }
        await current?.stop()
    }

    private func votes() async -> [RedisAddress: Int] {
        await withTaskGroup(of: RedisAddress?.self) { group in
            for sentinel in sentinels { group.addTask { await self.masterAddress(by: sentinel) } }
            var votes: [RedisAddress: Int] = [:]
            for await case let address? in group { votes[address, default: 0] += 1 }
            return votes
        }
    }

    private func masterAddress(by sentinel: RedisNode) async -> RedisAddress? {
        let command = RedisCommand(
            opening: .words(RESPArguments("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)),
            arguments: RESPArguments(), reply: [.array, .null])
        let outcome = await sentinel.execute(command, until: .now() + Self.budget)
        guard case .reply(.array(let parts)) = outcome, parts.count == 2, let host = parts[0].text,
            let port = parts[1].text.flatMap({ Int($0) })
        else { return nil }
        return RedisAddress(host: host, port: port)
    }
}
