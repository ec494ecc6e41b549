import NIOCore
import Synchronization

/// A connection that is being opened, so that who waits for it can cancel it, and say what was waited for.
final class ConnectionAttempt: Sendable {
    private struct State {
        var channel: (any Channel)?
        /// The proxy that must still open a tunnel; nil if none must.
        var proxy: OutboundProxy?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// `proxy` is nil for the direct way.
    func begins(by proxy: OutboundProxy?) { state.withLock { $0.proxy = proxy } }

    /// The socket is connected; closes it if the attempt has been cancelled.
    func has(_ channel: any Channel) {
        let isCancelled = state.withLock { state in
            state.channel = channel
            return state.isCancelled
        }
        if isCancelled { channel.close(promise: nil) }
    }

    /// What fails from now on is not the proxy's fault.
    func hasTunnel() { state.withLock { $0.proxy = nil } }

    /// Closes the socket, also one that is connected later.
    func cancel() {
        state.withLock { state in
            state.isCancelled = true
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
