import CountersignHTTP
import Logging
import ServiceLogging
import Synchronization
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

    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let reply = Reply.json([])
        reply.notes.identityProvider = ConfiguredName(IdentityProvider.vipLoyalty())
        reply.notes.tenant = "acme-staging"
        let report = RequestReport(
            reply, nil, requestID: "8f14e45fceea167a00000000000004d2", source: nil, route: "callback", start: .zero,
            end: .microseconds(214))
        let lines = Lines()
        try await bench.measure("log line: a login's, as JSON") { lines.write(report, at: .info) }
        reply.notes.session = login.minted.session
        let withSession = RequestReport(
            reply, nil, requestID: "8f14e45fceea167a00000000000004d2", source: nil, route: "session", start: .zero,
            end: .microseconds(214))
        let hashes = CorrelationHashes(key: Array("a key of more than sixteen".utf8), vault: login.vault)
        try await bench.measure("log line: the hashes of subject and device") { hashes.hashes(of: withSession) }
    }

    /// As in the service, but keeps nothing.
    final class Lines: RequestLines {
        let level = Logger.Level.info
        private let buffer = Mutex<[UInt8]>([])
        private let form = RequestLineForm(.json, label: "http")

        func write(_ report: RequestReport, at level: Logger.Level) {
            buffer.withLock { line in
                line.removeAll(keepingCapacity: true)
                form.append(report, (nil, nil), at: level, TimeSource.machine.now(), to: &line)
            }
        }
    }
}
