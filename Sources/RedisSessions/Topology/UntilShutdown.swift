import ServiceLifecycle

/// Runs `body` until graceful shutdown or cancellation, and waits for one of them even if `body` ends before.
///
/// Not by ServiceLifecycle's `gracefulShutdown()`, which never returns if the task is cancelled while it sets out to wait,
/// nor by `cancelOnGracefulShutdown()`, which holds a lock while it changes executors, and then waits for that lock on the
/// same thread.
package func untilShutdown(_ body: @escaping @Sendable () async -> Void = {}) async {
    let (end, signal) = AsyncStream.makeStream(of: Never.self)
    let running = Task { await body() }
    await withTaskCancellationOrGracefulShutdownHandler {
        for await _ in end {}
    } onCancelOrGracefulShutdown: {
        signal.finish()
    }
    running.cancel()
    await running.value
}
