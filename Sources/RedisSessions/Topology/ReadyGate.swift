import NIOCore
import NIOPosix
import Synchronization

/// Holds callers back until the servers have been looked for once.
final class ReadyGate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [Int: EventLoopPromise<Void>] = [:]
        var nextIndex = 0
    }

    private let state = Mutex(State())

    /// Returns once the gate is open, or at `end`.
    func pass(until end: NIODeadline) async {
        guard let (index, promise) = queue() else { return }
        let timer = promise.futureResult.eventLoop.scheduleTask(deadline: end) { self.release(index) }
        try? await promise.futureResult.get()
        timer.cancel()
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.isOpen = true
            return state.waiting.values.map { $0 }
        }
        for promise in waiting { promise.succeed() }
    }

    private func queue() -> (Int, EventLoopPromise<Void>)? {
        state.withLock { state in
            guard !state.isOpen else { return nil }
            let promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
            defer { state.nextIndex += 1 }
            state.waiting[state.nextIndex] = promise
            return (state.nextIndex, promise)
        }
    }

    private func release(_ index: Int) {
        state.withLock { $0.waiting.removeValue(forKey: index) }?.succeed()
    }
}
