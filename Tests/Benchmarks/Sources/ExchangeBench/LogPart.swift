import Logging
import ServiceLogging
import TestSupport
import TokenExchange

/// A request's line in the log, which ends as bytes.
enum LogPart {
    /// Writes JSON as the service does, but keeps nothing of it.
    static let logger = Logger(label: "http") { label in
        StructuredLogHandler(label: label, level: .info, format: .json, now: TimeSource.machine.now) { line, _ in
            consume(line)
        }
    }

    static func measure(by bench: Bench) async throws {
        try await bench.measure("log line: a login's, as JSON") {
            logger.info(
                "request",
                metadata: [
                    "request_id": "8f14e45fceea167a00000000000004d2", "route": "callback",
                    "status": .stringConvertible(200), "duration_ms": .stringConvertible(0.214),
                    "identity_provider": "vip-loyalty", "tenant": "acme-staging",
                ])
        }
    }
}
