import BlockingWork
package import Logging
import ServiceConfiguration
import ServiceLifecycle
import Synchronization

/// Reads configuration, keys, secrets and certificates again when asked to: off the event loops, one reading at a time,
/// all or nothing. On error the last good ones stay.
///
/// The first request is followed at once. What comes while it is read, or until there has been quiet for a moment, is one
/// request more.
package final class Reloader: Service {
    private static let quiet: Duration = .milliseconds(500)
    /// However many requests come.
    private static let patience: Duration = .seconds(10)

    private let read: @Sendable () throws -> @Sendable () -> Void
    private let readers = FileReaders()
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let requests = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let requestCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - read: may block, and may throw anything that says to an operator what is wrong. Returns what takes up all that
    ///     was read, which cannot fail.
    package init(
        logger: Logger, sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        read: @escaping @Sendable () throws -> @Sendable () -> Void
    ) {
        self.logger = logger
        self.sleep = sleep
        self.read = read
    }

    package func request() {
        requestCount.wrappingAdd(1, ordering: .relaxed)
        requests.continuation.yield()
    }

    package func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in self.requests.stream {
                await self.reload()
                await self.rest()
            }
        }
    }

    private func reload() async {
        do {
            let takeUp = try await readers.run(read)
            takeUp()
        } catch is CancellationError {
            return
        } catch {
            logger.error(
                "not reloaded, the last good configuration stays", metadata: ["problem": .string("\(error)")])
        }
    }

    /// Until nobody has asked for a moment.
    private func rest() async {
        var waited = Duration.zero
        var seen: Int
        repeat {
            seen = requestCount.load(ordering: .relaxed)
            guard (try? await sleep(Self.quiet)) != nil else { return }
            waited += Self.quiet
        } while requestCount.load(ordering: .relaxed) != seen && waited < Self.patience
    }
}

extension Blueprint {
    /// What differs from the configuration that the process was started with, and is only taken up by a restart.
    func needsRestart(since start: Blueprint) -> [String] {
        let (new, old) = (configuration, start.configuration)
        let differs = [
            ("listen", new.listen.withoutFiles != old.listen.withoutFiles), ("log", new.log != old.log),
            ("sessions", new.sessions != old.sessions || cacheSecret != start.cacheSecret),
            ("limits.request_timeout", new.limits.requestTimeout != old.limits.requestTimeout),
            ("limits.head_bytes", new.limits.headBytes != old.limits.headBytes),
            ("limits.connections", new.limits.connections != old.limits.connections),
            ("limits.connections_per_source", new.limits.connectionsPerSource != old.limits.connectionsPerSource),
        ]
        return differs.filter(\.1).map(\.0)
    }
}
