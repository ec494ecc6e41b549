import NIOCore
import TokenExchange

/// Commands that wait for a connection, each failed by a timer at its own end. They wait on one event loop, without a lock
/// or a suspended task, so they are not kept in an ``AwaitableState``.
final class WaitingCommands {
    private struct Entry {
        let command: RedisCommand
        let caller: PendingReply
        let isAsking: Bool
        let timer: Scheduled<Void>
    }

    private let limit: Int
    private let traffic: RedisTraffic
    private var entries: [Int: Entry] = [:]
    private var nextIndex = 0
    /// Why there is no connection, for those whose time runs out; nil if nobody knows yet.
    var fault: ConnectionFault?

    /// `limit` is how many may wait.
    init(limit: Int, traffic: RedisTraffic) {
        self.limit = limit
        self.traffic = traffic
    }

    /// Refuses a command beyond the limit at once.
    func append(_ command: RedisCommand, for caller: PendingReply, isAsking: Bool, on eventLoop: any EventLoop) {
        guard entries.count < limit else { return caller.finish(.failure(.overloaded)) }
        let index = nextIndex
        nextIndex += 1
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: caller.end) { self.expire(index) }
        entries[index] = Entry(command: command, caller: caller, isAsking: isAsking, timer: timer)
        traffic.waiting.add(1)
    }

    /// All of them, in the order in which they came.
    func submit(to handler: RedisChannelHandler) {
        for entry in takeAll() { handler.submit(entry.command, for: entry.caller, isAsking: entry.isAsking) }
    }

    /// All of them.
    func fail(_ fault: ConnectionFault) {
        for entry in takeAll() { entry.caller.finish(.notConnected(fault)) }
    }

    private func expire(_ index: Int) {
        guard let entry = entries.removeValue(forKey: index) else { return }
        traffic.waiting.add(-1)
        entry.caller.finish(fault.map { .notConnected($0) } ?? .failure(.timedOut))
    }

    private func takeAll() -> [Entry] {
        let all = entries.sorted { $0.key < $1.key }.map(\.value)
        entries = [:]
        traffic.waiting.add(-all.count)
        for entry in all { entry.timer.cancel() }
        return all
    }
}
