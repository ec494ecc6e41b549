package import Logging
import ServiceLifecycle
import Synchronization
package import TokenExchange

/// Probes the service from within, as long as it runs: about every minute, each replica at another moment. Whatever a
/// probe finds is counted and logged, and has no effect on logins.
package final class ProbeService: Service {
    /// After which a configuration without a probe is looked at again: a reload may bring one.
    private static let idle = Duration.seconds(60)

    private let registry: PrometheusRegistry
    private let time: TimeSource
    private let spread: @Sendable () -> Double
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let current: @Sendable () -> Prober?
    private let made = Mutex<(report: ProbeReport, at: UnixTime)?>(nil)

    /// - Parameters:
    ///   - spread: what each pause is multiplied with, around 1.
    ///   - current: the prober of the current configuration; nil if it has none.
    package init(
        registry: PrometheusRegistry, time: TimeSource, logger: Logger,
        spread: @escaping @Sendable () -> Double = { .random(in: 0.5...1.5) },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        current: @escaping @Sendable () -> Prober?
    ) {
        self.registry = registry
        self.time = time
        self.spread = spread
        self.sleep = sleep
        self.logger = logger
        self.current = current
    }

    /// What the latest probe has found, and when it ended; nil before the first one.
    package var latest: (report: ProbeReport, at: UnixTime)? { made.withLock(\.self) }

    /// Probes until the services end.
    package func run() async {
        await cancelWhenGracefulShutdown {
            var metrics: ProbeMetrics?
            while !Task.isCancelled {
                guard let prober = self.current() else {
                    try? await self.sleep(Self.idle)
                    continue
                }
                metrics = metrics ?? ProbeMetrics(self.registry)
                guard (try? await self.sleep(prober.interval * self.spread())) != nil else { return }
                // A reload may have changed it meanwhile.
                guard let report = await self.current()?.report(), !Task.isCancelled else { continue }
                let now = self.time.now()
                metrics?.count(report, at: now)
                self.log(report, after: self.latest?.report.outcome ?? .pass)
                self.made.withLock { $0 = (report, now) }
            }
        }
    }

    private func log(_ report: ProbeReport, after latest: ProbeOutcome) {
        for step in report.steps {
            let metadata: Logger.Metadata = [
                "step": .string(step.step.rawValue), "problem": .string(step.detail ?? ""),
            ]
            switch step.outcome {
            case .accepted: logger.critical("probe: what must be refused is accepted", metadata: metadata)
            case .fail: logger.warning("probe: failed", metadata: metadata)
            case .pass, .skipped: break
            }
        }
        if report.outcome == .pass, latest != .pass { logger.notice("probe: all steps pass again") }
    }
}
