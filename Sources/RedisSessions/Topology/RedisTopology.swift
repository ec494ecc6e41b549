import NIOCore
import ServiceLifecycle
import TokenExchange

/// Knows which server a command is for, and keeps the connections there.
protocol RedisTopology: AnyObject, Sendable {
    /// The server that keeps the keys of a slot, any server if that is nil; nil if none is known.
    func node(for slot: ClusterSlot?) -> RedisNode?

    /// Returns once the servers have been looked for, at the latest at `end`.
    func firstLook(until end: NIODeadline) async

    /// Where a redirection by `node` leads; nil if nowhere.
    func node(at redirection: ClusterRedirection, from node: RedisNode) -> RedisNode?

    /// A server was not as expected, so look soon for where the servers are now.
    func lookAgain()

    /// Why there can be no server for a command, and since when there was none.
    var absence: (fault: ConnectionFault, clock: OutageClock) { get }

    /// For each server that keeps records, the hash tag of a key that it keeps; and one of a slot that no server keeps, if
    /// there is any. Returns by `end`.
    func tags(until end: NIODeadline) async -> [ServerTag]

    /// Every server that is known, those that keep records first.
    var servers: [RedisServerStatus] { get }

    /// The present, by the clock of the event loops, which all deadlines are compared with.
    var now: NIODeadline { get }

    /// Keeps the connections until graceful shutdown or cancellation, then finishes what is in flight and closes them.
    func run() async
}

/// The hash tag of a key that a server keeps.
struct ServerTag {
    let text: [UInt8]
    /// Nil if no server keeps it, or if there is only one server.
    var server: RedisAddress?

    static let only = ServerTag(text: Array("0".utf8))
}

/// One server, always the same.
final class StandaloneTopology: RedisTopology {
    private let server: RedisNode
    let absence = (fault: ConnectionFault.shutDown, clock: OutageClock(patience: .zero))

    init(server: RedisNode) {
        self.server = server
    }

    func node(for slot: ClusterSlot?) -> RedisNode? { server }

    func firstLook(until end: NIODeadline) {}

    func node(at redirection: ClusterRedirection, from node: RedisNode) -> RedisNode? { nil }

    func lookAgain() {}

    var now: NIODeadline { server.now }

    func tags(until end: NIODeadline) -> [ServerTag] { [.only] }

    var servers: [RedisServerStatus] { [RedisServerStatus(server, .master)] }

    func run() async {
        server.start()
        await untilShutdown()
        await server.stop()
    }
}
