import BlockingWork
import Glibc
import ServiceConfiguration
import Synchronization
package import TokenExchange

/// The life of the process from its first line to its exit: a thread that waits for signals and for the next step of
/// the ``Departure``. It needs no event loop, so the process can end even if something hangs there.
package final class LifeCycle: Sendable {
    /// What a running service does. Called on the thread of signals, so none of it may block.
    struct Reactions: Sendable {
        /// The current settings, asked for when a signal to leave comes.
        let settings: @Sendable () -> ShutdownSettings
        let reload: @Sendable () -> Void
        let take: @Sendable (Departure.Step) -> Void
    }

    private struct State {
        var departure = Departure()
        /// Nil until there is a service.
        var reactions: Reactions?
        var isReloadDue = false
    }

    private let state = Mutex(State())
    private let time: TimeSource

    /// - Parameter time: its monotonic clock is used.
    package init(time: TimeSource) {
        self.time = time
    }

    /// Starts to wait for signals; ``ProcessSignals/hold()`` must have been called before. Until a service runs, a
    /// signal to leave ends the process, and a signal to reload waits.
    package func start() {
        let isStarted = startThread("signals") { [self] in
            while true {
                let nextAt = state.withLock(\.departure.nextAt)
                react(to: ProcessSignals.next(within: nextAt.map { $0 - time.elapsed() }))
            }
        }
        guard isStarted else { fatalError("no thread for signals") }
    }

    /// Whether a signal to leave has come.
    package var isLeaving: Bool { state.withLock(\.departure.hasBegun) }

    /// From now on a service runs, which reacts to signals.
    func serve(_ reactions: Reactions) {
        let isReloadDue = state.withLock { state in
            state.reactions = reactions
            return state.isReloadDue
        }
        if isReloadDue { reactions.reload() }
    }

    private func react(to signal: CInt?) {
        if signal == SIGHUP { return reload() }
        let now = time.elapsed()
        let reactions = state.withLock(\.reactions)
        guard let reactions else {
            if signal != nil { _exit(0) }
            return
        }
        let steps = state.withLock { state in
            guard let signal else { return state.departure.steps(at: now) }
            return state.departure.leave(at: now, reactions.settings(), isHurried: signal == SIGINT)
        }
        for step in steps {
            reactions.take(step)
            if step == .exit { _exit(0) }
        }
    }

    private func reload() {
        let reactions = state.withLock { state in
            state.isReloadDue = true
            return state.reactions
        }
        reactions?.reload()
    }
}
