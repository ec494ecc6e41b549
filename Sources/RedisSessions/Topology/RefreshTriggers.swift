import NIOCore

/// When to look at the topology again: at intervals, and soon after somebody found it wrong, but never without a pause.
struct RefreshTriggers: Sendable {
    /// Between two looks, however many ask for one.
    private static let pause = Duration.milliseconds(100)

    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    /// The first look is due at once.
    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        continuation.yield()
    }

    /// Asks for a look soon.
    func ask() {
        continuation.yield()
    }

    /// Calls `look` now, at least every `interval`, and when asked, until the task is cancelled.
    func each(_ interval: TimeAmount, on eventLoop: any EventLoop, _ look: @Sendable () async -> Void) async {
        let ticking = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in ask() }
        defer { ticking.cancel() }
        for await _ in stream {
            await look()
            try? await Task.sleep(for: Self.pause)
        }
    }
}
