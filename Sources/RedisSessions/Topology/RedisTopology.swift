import NIOCore
import ServiceLifecycle
import TokenExchange

/// Knows which server a command is for, and keeps the connections there.
protocol RedisTopology: Sendable {
    /// The server that keeps the keys of a slot, any server if that is nil; nil if none is known, at the latest by `end`.
    func node(for slot: ClusterSlot?, until end: NIODeadline) async -> RedisNode?

    /// Where a redirection by `node` leads; nil if nowhere.
    func node(at redirection: ClusterRedirection, from node: RedisNode) -> RedisNode?

    /// A server was not as expected: where they are is to be found out soon.
    func lookAgain()

    /// Why there can be no server for a command, and since when there was none.
    var absence: (fault: ConnectionFault, clock: OutageClock) { get }

    /// For each server that keeps records the hash tag of a key that it keeps; and one of a key that none keeps, if there
    /// is such. Known at the latest by `end`.
    func tags(until end: NIODeadline) async -> [ServerTag]

    /// Keeps the connections until graceful shutdown or cancellation, then finishes what is in flight and closes them.
    func run() async
}

/// The hash tag of a key that a server keeps.
struct ServerTag {
    let text: [UInt8]
    /// Nil if nobody keeps it, or all servers are one.
    var server: RedisAddress?

    static let only = ServerTag(text: Array("0".utf8))
}

/// One server, always the same.
struct StandaloneTopology: RedisTopology {
    let server: RedisNode
    let absence = (fault: ConnectionFault.shutDown, clock: OutageClock(patience: .zero))

    func node(for slot: ClusterSlot?, until end: NIODeadline) async -> RedisNode? { server }

    func node(at redirection: ClusterRedirection, from node: RedisNode) -> RedisNode? { nil }

    func lookAgain() {}

    func tags(until end: NIODeadline) -> [ServerTag] { [.only] }

    func run() async {
        server.start()
        await untilShutdown()
        await server.stop()
    }
}
