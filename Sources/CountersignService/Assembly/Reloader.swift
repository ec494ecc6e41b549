import BlockingWork
package import Logging
import ServiceConfiguration
import ServiceLifecycle
import Synchronization

/// Reads configuration, keys, secrets and certificates again when asked to: off the event loops, one reading at a time,
/// all or nothing. On error the last good ones stay.
///
/// The first request is served at once. All requests that arrive during the reading, and until there have been none for
/// a moment, together cause one more reading.
package final class Reloader: Service {
    private static let quiet: Duration = .milliseconds(500)
    /// The longest wait for such a moment, however many requests arrive.
    private static let patience: Duration = .seconds(10)

    private let read: @Sendable () throws -> @Sendable () -> Void
    private let readers = FileReaders()
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let requests = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let requestCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - read: may block, and may throw any error that tells an operator what is wrong. Returns a step that uses what
    ///     was read and cannot fail.
    package init(
        logger: Logger, sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        read: @escaping @Sendable () throws -> @Sendable () -> Void
    ) {
        self.logger = logger
        self.sleep = sleep
        self.read = read
    }

    /// Asks for a reload and returns at once. May be called from any thread.
    package func request() {
        requestCount.wrappingAdd(1, ordering: .relaxed)
        requests.continuation.yield()
    }

    /// Serves requests until the services end.
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
            let apply = try await readers.run(read)
            apply()
        } catch is CancellationError {
            return
        } catch {
            logger.error(
                "not reloaded, the last good configuration stays", metadata: ["problem": .string("\(error)")])
        }
    }

    /// Waits until no request has arrived for a moment.
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
    /// The settings that differ from those that the process was started with, and that only a restart changes.
    func needsRestart(since start: Blueprint) -> [String] {
        let (new, old) = (configuration, start.configuration)
        let differs = [
            ("listen", old.listen.needsRestart(for: new.listen)), ("log", new.log != old.log),
            ("sessions", new.sessions != old.sessions || cacheSecret != start.cacheSecret),
            ("limits.request_timeout", new.limits.requestTimeout != old.limits.requestTimeout),
            ("limits.head_bytes", new.limits.headBytes != old.limits.headBytes),
            ("limits.connections", new.limits.connections != old.limits.connections),
            ("limits.connections_per_source", new.limits.connectionsPerSource != old.limits.connectionsPerSource),
        ]
        return differs.filter(\.1).map(\.0)
    }
}
