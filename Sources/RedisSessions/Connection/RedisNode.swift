import Logging
import NIOCore
import NIOPosix
import Synchronization
import TokenExchange

/// The connections to one server: one for each event loop. A command issued on an event loop's thread takes that loop's,
/// without a thread hop. While that connection is closed or silent, another one serves; while all are, the command waits
/// for the loop's own, or hears from it why not.
///
/// Each connection is asked for the server's role every second, so that one whose other end has gone without a word is found
/// before somebody needs it. If one finds that the server is a replica now, all are closed: those that only read would not
/// find out.
///
/// Nothing is connected before ``start()``.
final class RedisNode: Sendable {
    private final class Lane: Sendable {
        let eventLoop: any EventLoop
        let connection: NIOLoopBoundBox<ReconnectingConnection>
        /// For commands that block their connection.
        let blocking: NIOLoopBoundBox<[ReconnectingConnection]>
        let health: HealthFlag

        func onEventLoop(_ body: @escaping @Sendable () -> Void) {
            if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
        }

        init(
            _ eventLoop: any EventLoop, _ connection: sending ReconnectingConnection,
            blocking: sending [ReconnectingConnection], health: HealthFlag
        ) {
            self.eventLoop = eventLoop
            self.connection = .makeBoxSendingValue(connection, eventLoop: eventLoop)
            self.blocking = .makeBoxSendingValue(blocking, eventLoop: eventLoop)
            self.health = health
        }

        /// On the event loop only, as all that follows.
        var connections: [ReconnectingConnection] { [connection.value] + blocking.value }

        var leastLoadedBlocking: ReconnectingConnection {
            blocking.value.min { ($0.load ?? .max) < ($1.load ?? .max) } ?? connection.value
        }
    }

    private static let role = RedisCommand(
        opening: .words(RESPArguments("ROLE")), arguments: RESPArguments(), reply: .array)
    private static let roleInterval = TimeAmount.seconds(1)

    let address: RedisAddress
    private let isDataNode: Bool
    private let lanes: [Lane]
    /// Of the server, by what it was asked last.
    let outage: OutageClock
    private let traffic: RedisTraffic
    /// When all are open.
    private let connectionCount: Int
    private let turn = Atomic<Int>(0)
    private let isStarted = Atomic(false)
    private let asking = Mutex<[RepeatedTask]>([])

    /// - Parameter eventLoops: at least one.
    init(_ peer: RedisPeer, eventLoops: [any EventLoop], logger: Logger) {
        address = peer.address
        isDataNode = peer.isDataNode
        traffic = peer.isDataNode ? peer.configuration.traffic : RedisTraffic()
        let replication = isDataNode ? peer.configuration.replication : nil
        let blockingCount = replication?.connections ?? 0
        var blockingPeer = peer
        if let replication { blockingPeer.configuration.commandTimeout = replication.timeout }
        connectionCount = eventLoops.count * (1 + blockingCount)
        let log = ConnectivityLog(logger, server: peer.address, connections: connectionCount)
        let outage = OutageClock(patience: TimeAmount(peer.configuration.reconnectWait))
        self.outage = outage
        lanes = eventLoops.map { eventLoop in
            let health = HealthFlag()
            let connection = ReconnectingConnection(peer, log: log, health: health, outage: outage, on: eventLoop)
            let blocking = (0..<blockingCount).map { _ in
                ReconnectingConnection(blockingPeer, log: log, health: HealthFlag(), outage: outage, on: eventLoop)
            }
            return Lane(eventLoop, connection, blocking: blocking, health: health)
        }
    }

    /// The present, by the clock of the event loops.
    var now: NIODeadline { lanes[0].eventLoop.now }

    /// Whether a command would be sent now, and hardly wait.
    var isHealthy: Bool { lanes.contains(where: \.health.isGood) }

    /// Ends by `end`. Cancellation changes nothing: the wait is short, and the command on its way.
    /// - Parameters:
    ///   - second: executed after the command, on a connection that both may block, with no other command between them.
    ///   - isAsking: an `ASKING` goes before the command.
    func execute(
        _ command: RedisCommand, then second: RedisCommand?, isAsking: Bool, until end: NIODeadline
    ) async -> RedisOutcomes {
        guard let second else { return (await execute(command, isAsking: isAsking, until: end), nil) }
        return await execute(both: command, second, isAsking: isAsking, until: end)
    }

    /// The same for one command.
    func execute(_ command: RedisCommand, isAsking: Bool = false, until end: NIODeadline) async -> RedisOutcome {
        traffic.pending.add(1)
        defer { traffic.pending.add(-1) }
        return unsafe await withUnsafeContinuation { continuation in
            let caller = unsafe PendingReply(continuation, end: end)
            let lane = chooseLane()
            // Nearly always: without a closure, which would be allocated.
            if lane.eventLoop.inEventLoop {
                lane.connection.value.submit(command, for: caller, isAsking: isAsking)
            } else {
                lane.eventLoop.execute { lane.connection.value.submit(command, for: caller, isAsking: isAsking) }
            }
        }
    }

    /// How many connections would take a command now, and how many there should be; without those that may block.
    var connectionCounts: (connected: Int, wanted: Int) { (lanes.count(where: \.health.isGood), lanes.count) }

    /// Not inlined: without replicas to wait for, nobody needs room for it.
    @inline(never)
    private func execute(
        both command: RedisCommand, _ second: RedisCommand, isAsking: Bool, until end: NIODeadline
    ) async -> OutcomePair.Outcomes {
        traffic.pending.add(2)
        defer { traffic.pending.add(-2) }
        return await withCheckedContinuation { continuation in
            let pair = OutcomePair(continuation)
            let lane = chooseLane()
            lane.onEventLoop {
                let connection = lane.leastLoadedBlocking
                connection.submit(
                    command, for: PendingReply(firstOf: pair, end: end), isAsking: isAsking)
                connection.submit(second, for: PendingReply(secondOf: pair, end: end))
            }
        }
    }

    /// Opens all connections, and opens them again whenever they are lost.
    func start() {
        for lane in lanes {
            lane.onEventLoop { [weak self] in
                for connection in lane.connections { connection.start { self?.leave() } }
            }
        }
        guard isDataNode else { return }
        if !isStarted.exchange(true, ordering: .relaxed) { traffic.connectionsWanted.add(connectionCount) }
        let tasks = lanes.map { lane in
            lane.eventLoop.scheduleRepeatedTask(initialDelay: Self.roleInterval, delay: Self.roleInterval) {
                [weak self] _ in self?.askRole(on: lane)
            }
        }
        asking.withLock { $0 = tasks }
    }

    /// Those that wait for replicas are busy with that.
    private func askRole(on lane: Lane) {
        for connection in [lane.connection.value] + lane.blocking.value.filter({ $0.load == 0 })
        where connection.load != nil {
            let caller = PendingReply(until: lane.eventLoop.now + Self.roleInterval) { [weak self] outcome in
                if case .reply(let reply) = outcome, RedisHandshake.isMaster(reply) == .notMaster { self?.leave() }
            }
            connection.submit(Self.role, for: caller)
        }
    }

    private func leave() {
        for lane in lanes { lane.onEventLoop { for connection in lane.connections { connection.leave() } } }
    }

    /// Finishes what is in flight; returns when the connections are closed.
    /// - Parameter patience: what is not finished by then is lost; nil: waits for each caller's own end.
    func stop(within patience: TimeAmount? = nil) async {
        for task in asking.withLock(\.self) { task.cancel() }
        if isStarted.exchange(false, ordering: .relaxed) { traffic.connectionsWanted.add(-connectionCount) }
        for lane in lanes {
            let closed = lane.eventLoop.flatSubmit {
                EventLoopFuture.andAllComplete(
                    lane.connections.map { $0.stop(within: patience) }, on: lane.eventLoop)
            }
            try? await closed.get()
        }
    }

    private func chooseLane() -> Lane {
        let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop
        let first = lanes.first { $0.eventLoop === eventLoop } ?? nextLane()
        return first.health.isGood ? first : lanes.first(where: \.health.isGood) ?? first
    }

    private func nextLane() -> Lane {
        let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return lanes[Int(UInt(bitPattern: turn) % UInt(lanes.count))]
    }
}

/// Whether a connection takes commands and is not silent; written on its event loop, read on all.
final class HealthFlag: Sendable {
    private let flag = Atomic(false)

    /// May be a moment old when it is read.
    var isGood: Bool {
        get { flag.load(ordering: .relaxed) }
        set { flag.store(newValue, ordering: .relaxed) }
    }
}
