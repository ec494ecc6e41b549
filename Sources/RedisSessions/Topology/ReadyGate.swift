import NIOCore
import TokenExchange

/// Holds callers back until the servers have been looked for once.
struct ReadyGate: Sendable {
    private let isOpen = AwaitableState(false)

    /// Returns once the gate is open, at `end`, or when the caller is cancelled.
    func pass(until end: NIODeadline, from now: NIODeadline) async {
        let limit = Duration.nanoseconds((end - now).nanoseconds)
        let sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        _ = await isOpen.value(within: limit, sleep: sleep) { $0 ? true : nil }
    }

    /// For good.
    func open() { isOpen.change { $0 = true } }
}
