import BlockingWork
package import Logging
import ServiceConfiguration
import ServiceLifecycle
import Synchronization
package import TokenExchange

/// Reads configuration, keys, secrets and certificates again when asked to: off the event loops, one reading at a time,
/// all or nothing. On error the last good ones stay.
///
/// The first request is served at once. All requests that arrive during the reading, and until there have been none for
/// a moment, together cause one more reading.
package final class Reloader: Service {
    private static let quiet: Duration = .milliseconds(500)
    /// The longest wait for such a moment, however many requests arrive.
    private static let patience: Duration = .seconds(10)

    /// How reloads have gone, for metrics.
    package struct History: Sendable {
        package fileprivate(set) var successes = 0
        package fileprivate(set) var failures = 0
        package fileprivate(set) var isFailing = false
        /// When the configuration in use was taken up; at first the process began with it.
        package fileprivate(set) var lastSuccess: UnixTime
        /// Zero before the first.
        package fileprivate(set) var lastDuration = Duration.zero
    }

    private let read: @Sendable () throws -> @Sendable () -> Void
    private let readers = FileReaders()
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let failed: @Sendable () -> Void
    private let settled: @Sendable () -> Void
    private let requests = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let requestCount = Atomic<Int>(0)
    private let past: Mutex<History>
    private let time: TimeSource

    /// - Parameters:
    ///   - failed: called when a reading fails.
    ///   - settled: called after a reading, whatever came of it, if it was asked for no more meanwhile.
    ///   - read: may block, and may throw any error that tells an operator what is wrong. Returns a step that uses what
    ///     was read and cannot fail.
    package init(
        time: TimeSource = .system, logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        failed: @escaping @Sendable () -> Void = {}, settled: @escaping @Sendable () -> Void = {},
        read: @escaping @Sendable () throws -> @Sendable () -> Void
    ) {
        self.logger = logger
        self.time = time
        past = Mutex(History(lastSuccess: time.now()))
        self.sleep = sleep
        self.failed = failed
        self.settled = settled
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
                let seen = self.requestCount.load(ordering: .relaxed)
                await self.reload()
                if self.requestCount.load(ordering: .relaxed) == seen { self.settled() }
                await self.rest()
            }
        }
    }

    package var history: History { past.withLock(\.self) }

    private func reload() async {
        let start = time.elapsed()
        do {
            let apply = try await readers.run(read)
            apply()
            note(isSuccess: true, since: start)
        } catch is CancellationError {
            return
        } catch {
            note(isSuccess: false, since: start)
            failed()
            logger.error(
                "not reloaded, the last good configuration stays", metadata: ["problem": .string("\(error)")])
        }
    }

    private func note(isSuccess: Bool, since start: Duration) {
        let (now, duration) = (time.now(), time.elapsed() - start)
        past.withLock { past in
            past.isFailing = !isSuccess
            past.lastDuration = duration
            if isSuccess { past.successes += 1 } else { past.failures += 1 }
            if isSuccess { past.lastSuccess = now }
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
            ("listen", old.listen.needsRestart(for: new.listen)), ("log", new.log.lasting != old.log.lasting),
            ("audit", new.audit != old.audit), ("traces", new.traces != old.traces),
            ("sessions", new.sessions != old.sessions || cacheSecret != start.cacheSecret),
            ("limits.request_timeout", new.limits.requestTimeout != old.limits.requestTimeout),
            ("limits.head_bytes", new.limits.headBytes != old.limits.headBytes),
            ("limits.connections", new.limits.connections != old.limits.connections),
            ("limits.connections_per_source", new.limits.connectionsPerSource != old.limits.connectionsPerSource),
        ]
        return differs.filter(\.1).map(\.0)
    }
}
