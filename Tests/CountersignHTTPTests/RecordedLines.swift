import CountersignHTTP
import Logging
import TestSupport

/// Keeps the lines of requests, as ``RecordedLog`` does other lines.
struct RecordedLines: RequestLines {
    let level = Logger.Level.trace
    private let logger: Logger

    init(_ log: RecordedLog) { logger = log.logger }

    func write(_ report: RequestReport, at level: Logger.Level) {
        var metadata: Logger.Metadata = [:]
        report.forEachField { name, field in metadata["\(name)"] = "\(Self.text(of: field))" }
        logger.log(level: level, "request", metadata: metadata)
    }

    private static func text(of field: RequestReport.Field) -> String {
        switch field {
        case .text(let text): String(text)
        case .words(let words): words
        case .integer(let number): String(number)
        case .thousandths(let number): "\(Double(number) / 1000)"
        case .hash(let hash): String(hash, radix: 16)
        case .isTrue: "true"
        }
    }
}
