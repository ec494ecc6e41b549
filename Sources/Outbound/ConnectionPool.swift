import NIOCore
import Synchronization

/// The open connections of one client, in use or idle.
final class ConnectionPool: Sendable {
    private struct Entry {
        let connection: OutboundConnection
        var calls = 1
        var end: Scheduled<Void>?
    }

    /// How much sooner than the server an idle connection is closed.
    private static let margin = TimeAmount.seconds(1)

    /// By server; whichever was used last stands last. Nil once all are closed for good.
    private let entries = Mutex<[OutboundOrigin: [Entry]]?>([:])
    private let idleTime: TimeAmount

    /// - Parameter idleTime: after which a connection without calls is closed.
    init(idleTime: TimeAmount) {
        self.idleTime = idleTime
    }

    /// A connection for one more call, which is to be given back; nil if a new one is needed.
    func take(to origin: OutboundOrigin) -> OutboundConnection? {
        entries.withLock { entries in
            guard let list = entries?[origin],
                let index = list.lastIndex(where: { $0.calls < $0.connection.capacity && $0.connection.isUsable })
            else { return nil }
            entries?[origin]?[index].calls += 1
            list[index].end?.cancel()
            return list[index].connection
        }
    }

    /// Takes up a new connection, with a call under way.
    /// - Throws: if all are closed for good.
    func add(_ connection: OutboundConnection) throws(OutboundFault) {
        let isTaken = entries.withLock { entries in
            entries?[connection.origin, default: []].append(Entry(connection: connection))
            return entries != nil
        }
        guard isTaken else {
            connection.close()
            throw .shutDown
        }
        connection.channel.closeFuture.whenComplete { _ in self.remove(connection, ifIdle: false) }
    }

    /// - Parameters:
    ///   - isReusable: whether another call may begin on it; those that are under way go on.
    ///   - keptFor: for how long the server keeps it when it is idle; nil if that is not known.
    func giveBack(_ connection: OutboundConnection, isReusable: Bool, keptFor: TimeAmount?) {
        if !isReusable { connection.retire() }
        let mustClose = entries.withLock { entries in
            let index = entries?[connection.origin]?.firstIndex { $0.connection === connection }
            guard let index, var entry = entries?[connection.origin]?.remove(at: index) else { return true }
            entry.calls -= 1
            if entry.calls == 0 {
                let life = min(keptFor.map { $0 - Self.margin } ?? idleTime, idleTime)
                guard connection.isUsable, life > .zero else { return true }
                entry.end = connection.channel.eventLoop.scheduleTask(in: life) {
                    if self.remove(connection, ifIdle: true) { connection.close() }
                }
            }
            entries?[connection.origin]?.append(entry)
            return false
        }
        if mustClose { connection.close() }
    }

    @discardableResult
    private func remove(_ connection: OutboundConnection, ifIdle: Bool) -> Bool {
        entries.withLock { entries in
            let index = entries?[connection.origin]?.firstIndex { entry in
                entry.connection === connection && (!ifIdle || entry.calls == 0)
            }
            guard let index else { return false }
            entries?[connection.origin]?.remove(at: index).end?.cancel()
            return true
        }
    }

    /// Closes all, and whatever is added later.
    func close() {
        let all = entries.withLock { entries in
            defer { entries = nil }
            return entries?.values.flatMap { $0 } ?? []
        }
        for entry in all {
            entry.end?.cancel()
            entry.connection.close()
        }
    }
}
