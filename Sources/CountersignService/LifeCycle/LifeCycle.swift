import BlockingWork
import Glibc
import ServiceConfiguration
import Synchronization
package import TokenExchange

/// The life of the process, from its first line to its exit: a thread that waits for signals and for the next step of the
/// ``Departure``. It needs no event loop, so nothing that hangs there keeps the process from leaving.
package final class LifeCycle: Sendable {
    /// What a running service does about it. Called on the thread of signals, so nothing here may block.
    struct Reactions: Sendable {
        /// As they are when the first signal to leave comes.
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

    package init(time: TimeSource) {
        self.time = time
    }

    /// Waits for signals from now on; ``ProcessSignals/hold()`` must have been called. Until a service runs, a signal to
    /// leave ends the process, and one to reload waits.
    package func start() {
        let isStarted = startThread("signals") { [self] in
            while true {
                let nextAt = state.withLock(\.departure.nextAt)
                react(to: ProcessSignals.next(within: nextAt.map { $0 - time.elapsed() }))
            }
        }
        guard isStarted else { fatalError("no thread for signals") }
    }

    /// From the first signal to leave on.
    package var isLeaving: Bool { state.withLock(\.departure.hasBegun) }

    /// There is a service to be told now.
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
