import Logging
import NIOCore
import Synchronization
import TokenExchange

/// The master that the sentinels name, asked again five times a second: after a failover its successor takes over here.
///
/// The sentinel that led a failover knows of it up to two seconds before the others, so the latest configuration counts,
/// by its epoch, and among equals the majority. Where all of them are behind, the handshake finds out
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
    private let gate = ReadyGate()
    private let triggers = RefreshTriggers()
    let absence: (fault: ConnectionFault, clock: OutageClock)

    /// - Parameter sentinels: at least one.
    init(
        _ configuration: RedisConfiguration, sentinels: [RedisAddress], service: String, eventLoops: [any EventLoop],
        logger: Logger
    ) {
        self.configuration = configuration
        self.service = service
        self.eventLoops = eventLoops
        self.logger = logger
        absence = (.noMaster, OutageClock(patience: TimeAmount(configuration.reconnectWait)))
        self.sentinels = sentinels.map {
            RedisNode(
                RedisPeer(discovery: $0, configuration, credentials: configuration.sentinelCredentials),
                eventLoops: [eventLoops[0]], logger: logger)
        }
    }

    func tags(until end: NIODeadline) -> [ServerTag] { [.only] }

    var servers: [RedisServerStatus] {
        let master = master.withLock(\.self).map { RedisServerStatus($0, .master) }
        return [master].compactMap { $0 } + sentinels.map { RedisServerStatus($0, .sentinel) }
    }

    func node(for slot: ClusterSlot?) -> RedisNode? { master.withLock { $0 } }

    func firstLook(until end: NIODeadline) async { await gate.pass(until: end, from: now) }

    func node(at redirection: ClusterRedirection, from node: RedisNode) -> RedisNode? { nil }

    func lookAgain() { triggers.ask() }

    var now: NIODeadline { eventLoops[0].now }

    func run() async {
        for sentinel in sentinels { sentinel.start() }
        await untilShutdown { [self] in
            await triggers.each(Self.interval, on: eventLoops[0]) { await look() }
        }
        for node in sentinels + [master.withLock { $0 }].compactMap(\.self) { await node.stop() }
    }
}

// MARK: - Asking the sentinels

extension SentinelTopology {
    private func look() async {
        defer { gate.open() }
        let current = master.withLock { $0 }
        guard let address = await namedMaster(), address != current?.address else { return }
        logger.notice("Redis master", metadata: ["server": "\(address)"])
        let successor = RedisNode(RedisPeer(dataNode: address, configuration), eventLoops: eventLoops, logger: logger)
        successor.start()
        master.withLock { $0 = successor }
        await current?.stop(within: TimeAmount(configuration.commandTimeout))
    }

    /// Nil if no sentinel names one.
    private func namedMaster() async -> RedisAddress? {
        await withTaskGroup(of: SentinelStatement?.self) { group in
            for sentinel in sentinels { group.addTask { await self.statement(of: sentinel) } }
            var statements: [SentinelStatement] = []
            for await case let statement? in group { statements.append(statement) }
            return SentinelStatement.master(by: statements)
        }
    }

    private func statement(of sentinel: RedisNode) async -> SentinelStatement? {
        async let address = ask("GET-MASTER-ADDR-BY-NAME", sentinel)
        async let description = ask("MASTER", sentinel)
        return await SentinelStatement(address: address, description: description)
    }

    /// Nil if the sentinel does not answer.
    private func ask(_ question: String, _ sentinel: RedisNode) async -> RESPReply? {
        let command = RedisCommand(
            opening: .words(RESPArguments("SENTINEL", question, service)), arguments: RESPArguments(),
            reply: [.array, .null])
        guard case .reply(let reply) = await sentinel.execute(command, until: now + Self.budget) else { return nil }
        return reply
    }
}

/// Who is master, as one sentinel says.
struct SentinelStatement: Equatable {
    let address: RedisAddress
    /// Grows with every failover.
    let epoch: Int

    /// - Parameters:
    ///   - address: the reply to `SENTINEL GET-MASTER-ADDR-BY-NAME`: host and port, which are the successor's while a
    ///     failover is still under way.
    ///   - description: the reply to `SENTINEL MASTER`: names and values in turn.
    init?(address: RESPReply?, description: RESPReply?) {
        guard case .array(let parts) = address, parts.count == 2, let host = parts[0].text,
            let port = parts[1].text.flatMap({ Int64($0) }), let address = RedisAddress(toldHost: host, port: port),
            case .array(let words) = description, let name = words.firstIndex(where: { $0.text == "config-epoch" }),
            name + 1 < words.count,
            let epoch = words[name + 1].text.flatMap({ Int($0) })
        else { return nil }
        self.address = address
        self.epoch = epoch
    }

    /// Nil if there are no statements.
    static func master(by statements: [Self]) -> RedisAddress? {
        guard let latest = statements.map(\.epoch).max() else { return nil }
        let votes = Dictionary(grouping: statements.filter { $0.epoch == latest }, by: \.address)
        return votes.max { $0.value.count < $1.value.count }?.key
    }
}
