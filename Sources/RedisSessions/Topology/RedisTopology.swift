import NIOCore
import ServiceLifecycle
import TokenExchange

/// Knows which server a command is for, and keeps the connections there.
protocol RedisTopology: Sendable {
    /// Ends by `end`, with a reply, or the reason why there is none.
    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome

    /// Both commands in turn on one connection, which the second may block.
    func execute(_ command: RedisCommand, then second: RedisCommand, until end: NIODeadline) async
        -> OutcomePair.Outcomes

    /// Hash tags, one of a key for each server that keeps records, and one of a key that none keeps where there is such.
    var tags: [[UInt8]] { get }

    /// Keeps the connections until graceful shutdown or cancellation, then finishes what is in flight and closes them.
    func run() async
}

/// One server, always the same.
struct StandaloneTopology: RedisTopology {
    let node: RedisNode

    func execute(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        await node.execute(command, until: end)
    }

    func execute(_ command: RedisCommand, then second: RedisCommand, until end: NIODeadline) async
        -> OutcomePair.Outcomes
    {
        await node.execute(command, then: second, until: end)
    }

    var tags: [[UInt8]] { [Array("0".utf8)] }

    func run() async {
        node.start()
        await untilShutdown {}
        await node.stop()
    }
}

/// Runs `body` until graceful shutdown or cancellation; where it ends before, waits all the same.
///
/// Not by ServiceLifecycle's `gracefulShutdown()`: that one never returns where the task is cancelled while it sets out to
/// wait.
func untilShutdown(_ body: @escaping @Sendable () async -> Void) async {
    let (end, signal) = AsyncStream.makeStream(of: Never.self)
    let running = Task { await body() }
    await withTaskCancellationOrGracefulShutdownHandler {
        for await _ in end {}
    } onCancelOrGracefulShutdown: {
        signal.finish()
    }
    running.cancel()
    await running.value
}
