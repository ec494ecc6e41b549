import NIOCore
import Synchronization

/// A connection that is being opened, so that whoever has lost patience can end it, and say what he waited for.
final class ConnectionAttempt: Sendable {
    private struct State {
        var channel: (any Channel)?
        /// What must open a tunnel yet; nil if nothing must.
        var proxy: OutboundProxy?
        var isOver = false
    }

    private let state = Mutex(State())

    func begins(by proxy: OutboundProxy?) { state.withLock { $0.proxy = proxy } }

    func has(_ channel: any Channel) {
        let isOver = state.withLock { state in
            state.channel = channel
            return state.isOver
        }
        if isOver { channel.close(promise: nil) }
    }

    func hasTunnel() { state.withLock { $0.proxy = nil } }

    func cancel() {
        state.withLock { state in
            state.isOver = true
            return state.channel
        }?.close(promise: nil)
    }

    /// - Parameter limit: that has passed.
    func fault(after limit: Duration) -> OutboundFault {
        let milliseconds = Int64(limit / .milliseconds(1))
        let time = milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
        guard let proxy = state.withLock(\.proxy) else {
            return OutboundFault(.timedOut, "timed out: no whole answer within \(time)")
        }
        return OutboundFault(.timedOut, "timed out: no tunnel within \(time)").blaming(proxy)
    }
}
