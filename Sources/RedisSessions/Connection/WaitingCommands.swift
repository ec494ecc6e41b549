import NIOCore
import TokenExchange

/// Commands that wait for a connection, each failed by a timer at its own end; such a short while is not worth anything
/// cleverer.
final class WaitingCommands {
    private struct Entry {
        let command: RedisCommand
        let caller: PendingReply
        let isAsking: Bool
        let timer: Scheduled<Void>
    }

    private let limit: Int
    private var entries: [Int: Entry] = [:]
    private var nextIndex = 0
    /// Why there is no connection, for those whose time runs out; nil if nobody knows yet.
    var fault: ConnectionFault?

    init(limit: Int) {
        self.limit = limit
    }

    func append(_ command: RedisCommand, for caller: PendingReply, isAsking: Bool, on eventLoop: any EventLoop) {
        guard entries.count < limit else { return caller.finish(.failure(.overloaded)) }
        let index = nextIndex
        nextIndex += 1
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: caller.end) { self.expire(index) }
        entries[index] = Entry(command: command, caller: caller, isAsking: isAsking, timer: timer)
    }

    func submit(to handler: RedisChannelHandler) {
        for entry in takeAll() { handler.submit(entry.command, for: entry.caller, isAsking: entry.isAsking) }
    }

    func fail(_ fault: ConnectionFault) {
        for entry in takeAll() { entry.caller.finish(.notConnected(fault)) }
    }

    private func expire(_ index: Int) {
        guard let entry = entries.removeValue(forKey: index) else { return }
        entry.caller.finish(fault.map { .notConnected($0) } ?? .failure(.timedOut))
    }

    private func takeAll() -> [Entry] {
        let all = entries.sorted { $0.key < $1.key }.map(\.value)
        entries = [:]
        for entry in all { entry.timer.cancel() }
        return all
    }
}
