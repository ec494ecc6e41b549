import ArgumentParser
import CountersignService
import Foundation
import Logging
import ServiceConfiguration
import TokenExchange

/// `countersign serve`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the service.",
        discussion: """
            On SIGTERM, /readyz says `draining`; the service serves for another `shutdown.notice`, finishes requests in \
            progress within `shutdown.grace`, and exits 0. SIGINT does the same without the notice. SIGHUP reads \
            configuration, keys, secrets and certificates again; on error the last good ones stay.

            Example:
              countersign serve --config /etc/countersign/countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        let openFiles = OpenFileLimit.raise()
        let lifeCycle = LifeCycle(time: .system)
        lifeCycle.start()
        let manager = ServiceManager(
            environment: ProcessInfo.processInfo.environment, monotonicTime: TimeSource.systemMonotonic)
        try await config.reporting {
            let blueprint = try await config.blueprint()
            let descriptors = try DescriptorBudget(blueprint.configuration, limit: openFiles)
            let logs = LogQueue(limit: blueprint.configuration.log.bufferBytes)
            let logger = Logger(blueprint.configuration.log, now: TimeSource.system.now) {
                logs.append($0, isImportant: $1 >= .warning)
            }
            logs.start { count in
                logger.warning(
                    "log lines were dropped, as nobody read them", metadata: ["count": .stringConvertible(count)])
            }
            defer { logs.flush(within: .seconds(1)) }
            logger.notice("starting", metadata: VersionReport(commit: builtCommit).metadata)
            try await CountersignServer(
                blueprint, descriptors: descriptors, read: config.readBlueprint, lifeCycle: lifeCycle, manager: manager,
                time: .system, logs: logs, logger: logger
            ).run()
        }
    }
}
