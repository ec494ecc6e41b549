import Synchronization

/// Runs work that may block on a thread which does nothing else. A new one costs less than 0.1 ms on two busy cores.
package enum OwnThread {
    /// At most this many at once in the process: more than any configuration names files, and few enough that a dead mount
    /// does no other harm.
    package static let limit = 256

    private static let running = Mutex(0)

    /// - Returns: nil without having run `work` if there are ``limit`` threads already, or the system gives no more.
    package static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            let isStarted = start {
                let value = work()
                running.withLock { $0 -= 1 }
                continuation.resume(returning: value)
            }
            if !isStarted { continuation.resume(returning: nil) }
        }
    }

    private static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        let hasRoom = running.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
        guard hasRoom else { return false }
        if startThread("blocking", run) { return true }
        running.withLock { $0 -= 1 }
        return false
    }
}
