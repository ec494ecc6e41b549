import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TokenExchange

/// One connection per event loop; a command issued on an event loop's thread takes that loop's, without a thread hop.
///
/// Nothing is connected before ``run()``.
final class RedisClient: Sendable {
    private struct Lane: Sendable {
        let eventLoop: any EventLoop
        let connection: NIOLoopBoundBox<ReconnectingConnection>
    }

    private let lanes: [Lane]
    private let turn = Atomic<Int>(0)

    init(_ configuration: RedisConfiguration, script: String, eventLoopGroup: any EventLoopGroup, logger: Logger) {
        let eventLoops = Array(eventLoopGroup.makeIterator())
        let log = ConnectivityLog(logger, connections: eventLoops.count)
        self.lanes = eventLoops.map { eventLoop in
            let connection = ReconnectingConnection(configuration, script: script, log: log, on: eventLoop)
            return Lane(eventLoop: eventLoop, connection: .makeBoxSendingValue(connection, eventLoop: eventLoop))
        }
    }

    /// Ends by `end`, or before, by the configured time-out. Cancellation changes nothing: the wait is short, and the
    /// command on its way.
    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        unsafe await withUnsafeContinuation { continuation in
            let caller = unsafe PendingReply(continuation, end: end)
            if let lane = currentLane {
                lane.connection.value.submit(command, for: caller)
            } else {
                let lane = nextLane()
                lane.eventLoop.execute { lane.connection.value.submit(command, for: caller) }
            }
        }
    }

    private var currentLane: Lane? {
        guard let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop else { return nil }
        return lanes.first { $0.eventLoop === eventLoop }
    }

    private func nextLane() -> Lane {
        let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return lanes[Int(UInt(bitPattern: turn) % UInt(lanes.count))]
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
