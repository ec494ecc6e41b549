import Logging
import NIOCore
import NIOPosix
import Synchronization
import TokenExchange

/// The connections to one server: one for each event loop. A command issued on an event loop's thread takes that loop's,
/// without a thread hop. While that connection is away, another that is open serves; while none is, the loop's own says
/// why.
///
/// Where one connection finds that the server is a replica now, all are left: those that only read would not find out. And
/// where nobody writes, each is asked every second.
///
/// Nothing is connected before ``start()``.
final class RedisNode: Sendable {
    private struct Lane: Sendable {
        let eventLoop: any EventLoop
        let connection: NIOLoopBoundBox<ReconnectingConnection>
        /// For commands that block their connection.
        let blocking: NIOLoopBoundBox<[ReconnectingConnection]>
        let isOpen: OpenFlag

        func onEventLoop(_ body: @escaping @Sendable () -> Void) {
            if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
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
    private let keepsRecords: Bool
    private let lanes: [Lane]
    private let turn = Atomic<Int>(0)
    private let asking = Mutex<[RepeatedTask]>([])

    /// - Parameter eventLoops: at least one.
    init(_ peer: RedisPeer, eventLoops: [any EventLoop], logger: Logger) {
        address = peer.address
        keepsRecords = if case .records = peer.role { true } else { false }
        let blockingCount = peer.blocking?.connections ?? 0
        var blockingPeer = peer
        blockingPeer.commandTimeout = peer.blocking?.timeout ?? peer.commandTimeout
        let log = ConnectivityLog(
            logger, server: peer.address, connections: eventLoops.count * (1 + blockingCount))
        lanes = eventLoops.map { eventLoop in
            let isOpen = OpenFlag()
            let connection = ReconnectingConnection(peer, log: log, isOpen: isOpen, on: eventLoop)
            let blocking = (0..<blockingCount).map { _ in
                ReconnectingConnection(blockingPeer, log: log, isOpen: OpenFlag(), on: eventLoop)
            }
            return Lane(
                eventLoop: eventLoop, connection: .makeBoxSendingValue(connection, eventLoop: eventLoop),
                blocking: .makeBoxSendingValue(blocking, eventLoop: eventLoop), isOpen: isOpen)
        }
    }

    /// Whether a command would be sent now.
    var isOpen: Bool { lanes.contains(where: \.isOpen.value) }

    /// Ends by `end`, or before, by the configured time-out. Cancellation changes nothing: the wait is short, and the
    /// command on its way.
    /// - Parameter isAsking: an `ASKING` goes before the command.
    func execute(_ command: RedisCommand, isAsking: Bool = false, until end: NIODeadline) async -> RedisOutcome {
        unsafe await withUnsafeContinuation { continuation in
            let caller = unsafe PendingReply(continuation, end: end)
            let lane = chooseLane()
            lane.onEventLoop { lane.connection.value.submit(command, for: caller, isAsking: isAsking) }
        }
    }

    /// Executes both commands one after the other on a connection that may be blocked, with nothing of others between
    /// them.
    func execute(
        _ command: RedisCommand, then second: RedisCommand, isAsking: Bool = false, until end: NIODeadline
    ) async -> OutcomePair.Outcomes {
        await withCheckedContinuation { continuation in
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

    func start() {
        for lane in lanes {
            lane.onEventLoop { [weak self] in
                for connection in lane.connections { connection.start { self?.leave() } }
            }
        }
        guard keepsRecords else { return }
        let tasks = lanes.map { lane in
            lane.eventLoop.scheduleRepeatedTask(initialDelay: Self.roleInterval, delay: Self.roleInterval) {
                [weak self] _ in self?.askRole(on: lane)
            }
        }
        asking.withLock { $0 = tasks }
    }

    /// The connections that block hear of it with their writes.
    private func askRole(on lane: Lane) {
        let caller = PendingReply(until: .now() + Self.roleInterval) { [weak self] outcome in
            if case .reply(let reply) = outcome, RedisHandshake.isMaster(reply) == .notMaster { self?.leave() }
        }
        lane.connection.value.submit(Self.role, for: caller)
    }

    private func leave() {
        for lane in lanes { lane.onEventLoop { for connection in lane.connections { connection.leave() } } }
    }

    /// Finishes what is in flight; returns when the connections are closed.
    func stop() async {
        for task in asking.withLock(\.self) { task.cancel() }
        for lane in lanes {
            let closed = lane.eventLoop.flatSubmit {
                EventLoopFuture.andAllComplete(lane.connections.map { $0.stop() }, on: lane.eventLoop)
            }
            try? await closed.get()
        }
    }

    private func chooseLane() -> Lane {
        let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop
        let first = lanes.first { $0.eventLoop === eventLoop } ?? nextLane()
        return first.isOpen.value ? first : lanes.first(where: \.isOpen.value) ?? first
    }

    private func nextLane() -> Lane {
        let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return lanes[Int(UInt(bitPattern: turn) % UInt(lanes.count))]
    }
}

/// Whether a connection takes commands; written on its event loop, read on all.
final class OpenFlag: Sendable {
    private let flag = Atomic(false)

    var value: Bool {
        get { flag.load(ordering: .relaxed) }
        set { flag.store(newValue, ordering: .relaxed) }
    }
}
