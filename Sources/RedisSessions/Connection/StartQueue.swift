import NIOCore
import TokenExchange

/// Commands that came before the first attempt to connect has ended, each failed by a timer at its own end; this short
/// while is not worth anything cleverer.
final class StartQueue {
    private struct Entry {
        let command: RedisCommand
        let caller: PendingReply
        let isAsking: Bool
        let timer: Scheduled<Void>
    }

    private let limit: Int
    private var entries: [Int: Entry] = [:]
    private var nextIndex = 0

    init(limit: Int) {
        self.limit = limit
    }

    func append(_ command: RedisCommand, for caller: PendingReply, isAsking: Bool, on eventLoop: any EventLoop) {
        guard entries.count < limit else { return caller.finish(.failure(.overloaded)) }
        let index = nextIndex
        nextIndex += 1
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: caller.end) {
            if let entry = self.entries.removeValue(forKey: index) { entry.caller.finish(.failure(.timedOut)) }
        }
        entries[index] = Entry(command: command, caller: caller, isAsking: isAsking, timer: timer)
    }

    func submit(to handler: RedisChannelHandler) {
        for entry in takeAll() { handler.submit(entry.command, for: entry.caller, isAsking: entry.isAsking) }
    }

    func fail(_ fault: ConnectionFault) {
        for entry in takeAll() { entry.caller.finish(.notConnected(fault)) }
    }

    private func takeAll() -> [Entry] {
        let all = entries.sorted { $0.key < $1.key }.map(\.value)
        entries = [:]
        for entry in all { entry.timer.cancel() }
        return all
    }
}
