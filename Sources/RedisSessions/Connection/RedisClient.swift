import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TokenExchange

/// One connection per event loop; a command issued on an event loop's thread takes that loop's, without a thread hop.
/// While that connection is away, another that is open serves; while none is, the loop's own says why.
///
/// Nothing is connected before ``run()``.
final class RedisClient: Sendable {
    private struct Lane: Sendable {
        let eventLoop: any EventLoop
        let connection: NIOLoopBoundBox<ReconnectingConnection>
        let isOpen: OpenFlag
    }

    private let lanes: [Lane]
    private let turn = Atomic<Int>(0)

    init(_ configuration: RedisConfiguration, script: String, eventLoopGroup: any EventLoopGroup, logger: Logger) {
        let eventLoops = Array(eventLoopGroup.makeIterator())
        let log = ConnectivityLog(logger, connections: eventLoops.count)
        self.lanes = eventLoops.map { eventLoop in
            let isOpen = OpenFlag()
            let connection = ReconnectingConnection(
                configuration, script: script, log: log, isOpen: isOpen, on: eventLoop)
            return Lane(
                eventLoop: eventLoop, connection: .makeBoxSendingValue(connection, eventLoop: eventLoop), isOpen: isOpen
            )
        }
    }

    /// Ends by `end`, or before, by the configured time-out. Cancellation changes nothing: the wait is short, and the
    /// command on its way.
    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        unsafe await withUnsafeContinuation { continuation in
            let caller = unsafe PendingReply(continuation, end: end)
            let lane = chooseLane()
            if lane.eventLoop.inEventLoop {
                lane.connection.value.submit(command, for: caller)
            } else {
                lane.eventLoop.execute { lane.connection.value.submit(command, for: caller) }
            }
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

extension RedisClient: Service {
    /// Keeps the connections until graceful shutdown or cancellation, then finishes what is in flight and closes them.
    func run() async {
        for lane in lanes { lane.eventLoop.execute { lane.connection.value.start() } }
        await shutdown()
        for lane in lanes {
            let closed = lane.eventLoop.flatSubmit { lane.connection.value.stop() }
            try? await closed.get()
        }
    }

    /// Not ServiceLifecycle's `gracefulShutdown()`: that one never returns where the task is cancelled while it sets out
    /// to wait.
    private func shutdown() async {
        let (end, signal) = AsyncStream.makeStream(of: Never.self)
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in end {}
        } onCancelOrGracefulShutdown: {
            signal.finish()
        }
    }
}
