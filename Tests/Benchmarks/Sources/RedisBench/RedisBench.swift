import NIOCore
import NIOPosix

/// What the store does in a second, beside what `redis-benchmark` does with the same server; and what a session costs in
/// Redis' memory.
///
/// Usage: `RedisBench [seconds of each measurement [sessions to store for the memory]]`
@main struct RedisBench {
    static func main() async throws {
        // One event loop is one connection; and tasks run on it, as in `countersign serve`.
        NIOSingletons.groupLoopCountSuggestion = 1
        _ = NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        let seconds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 3
        let sessions = CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) ?? 1_000_000
        try await Throughput.measure(for: .seconds(seconds))
        try await Memory.measure(sessions: sessions)
    }
}
