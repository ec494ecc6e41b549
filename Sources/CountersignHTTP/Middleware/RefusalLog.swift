package import Logging
import ServiceLifecycle
import Synchronization
package import TokenExchange

/// Keeps a flood of refused requests from becoming a flood of log lines. In each second, the first refusals of a source
/// have a line each, so that support can find them; the others are counted, and one line says how many there were.
package final class RefusalLog: Service {
    private struct Second {
        var lines = 0
        /// By source; nil for clients without an address.
        var sources: [RequestSource?: Tally] = [:]
        /// For all sources beyond the limit.
        var others = Tally()
    }

    private struct Tally {
        var lines = 0
        /// By status.
        var leftOut: [Int: Int] = [:]

        var count: Int { leftOut.values.reduce(0, +) }

        mutating func leaveOut(_ status: Int, _ count: Int = 1) { leftOut[status, default: 0] += count }
    }

    /// How many lines all sources together may have, as a multiple of those of one source.
    private static let sharesOfAll = 20
    /// How many sources are counted separately within a second.
    private static let sourceLimit = 1000
    /// How many sources have a summary of their own each second; one more line is for the others.
    private static let summaryLimit = 10

    private let second = Mutex(Second())
    private let linesPerSource: Int
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameter linesPerSource: in a second.
    package init(
        linesPerSource: Int, logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.linesPerSource = linesPerSource
        self.logger = logger
        self.sleep = sleep
    }

    /// Whether to log this refusal; if not, it is counted.
    package func admits(status: Int, from source: RequestSource?) -> Bool {
        second.withLock { second in
            guard second.sources[source] != nil || second.sources.count < Self.sourceLimit else {
                second.others.leaveOut(status)
                return false
            }
            let lines = second.sources[source]?.lines ?? 0
            guard lines < linesPerSource, second.lines < linesPerSource * Self.sharesOfAll else {
                second.sources[source, default: Tally()].leaveOut(status)
                return false
            }
            second.sources[source, default: Tally()].lines += 1
            second.lines += 1
            return true
        }
    }

    /// Logs the summaries each second, and once more when the services end.
    package func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await self.sleep(.seconds(1))) != nil { self.endSecond() }
        }
        endSecond()
    }

    /// Logs how many refusals were left out since the last call.
    package func endSecond() {
        let second = second.withLock { second in
            defer { second = Second() }
            return second
        }
        let tallies = second.sources.filter { $0.value.count > 0 }.sorted { $0.value.count > $1.value.count }
        for (source, tally) in tallies.prefix(Self.summaryLimit) { log(tally, of: source?.description ?? "unknown") }
        var others = second.others
        for (_, tally) in tallies.dropFirst(Self.summaryLimit) {
            for (status, count) in tally.leftOut { others.leaveOut(status, count) }
        }
        if others.count > 0 { log(others, of: "others") }
    }

    /// One of the few log lines that name an address: without it, nobody could act against the flood.
    private func log(_ tally: Tally, of source: String) {
        let statuses = tally.leftOut.map { (String($0), Logger.MetadataValue.stringConvertible($1)) }
        logger.notice(
            "refused requests left out",
            metadata: [
                "source": .string(source), "count": .stringConvertible(tally.count),
                "statuses": .dictionary(Dictionary(uniqueKeysWithValues: statuses)),
            ])
    }
}
