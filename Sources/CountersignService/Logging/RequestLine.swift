package import CountersignHTTP
package import Logging
package import TokenExchange

/// Writes the lines of requests, each straight into the queue's bytes: every login has one, and a logger's metadata would
/// cost several times as much.
package struct RequestLineWriter: RequestLines {
    package let level: Logger.Level
    private let form: RequestLineForm
    private let hashes: CorrelationHashes
    private let now: @Sendable () -> UnixTime
    private let queue: LogQueue

    /// - Parameter level: of the least important lines that are written.
    package init(
        to queue: LogQueue, _ form: RequestLineForm, level: Logger.Level, hashes: CorrelationHashes,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.queue = queue
        self.form = form
        self.level = level
        self.hashes = hashes
        self.now = now
    }

    package func write(_ report: RequestReport, at level: Logger.Level) {
        let (time, hashes) = (now(), hashes.hashes(of: report))
        queue.append(isImportant: level >= .warning) { form.append(report, hashes, at: level, time, to: &$0) }
    }
}

/// What the line of a request looks like: as ``StructuredLogHandler`` writes others.
package struct RequestLineForm: Sendable {
    private let format: StructuredLogHandler.Format
    /// What every line says after its level.
    private let message: [UInt8]

    /// - Parameter label: the logger's.
    package init(_ format: StructuredLogHandler.Format, label: String) {
        self.format = format
        var message: [UInt8] = []
        format.append("request", of: label, to: &message)
        self.message = message
    }

    /// Appends a whole line with its line feed.
    package func append(
        _ report: RequestReport, _ hashes: (subject: UInt64?, device: UInt64?), at level: Logger.Level,
        _ time: UnixTime, to line: inout [UInt8]
    ) {
        let isJSON = format == .json
        format.append(time, level, to: &line)
        line += message
        report.forEachField(hashes) { name, field in
            line.append(isJSON ? UInt8(ascii: ",") : UInt8(ascii: " "))
            if isJSON { line.append(UInt8(ascii: "\"")) }
            line.append(name)
            if isJSON { line.append(UInt8(ascii: "\"")) }
            line.append(isJSON ? UInt8(ascii: ":") : UInt8(ascii: "="))
            Self.append(field, to: &line)
        }
        line.append(isJSON ? "}\n" : "\n")
    }

    private static func append(_ field: RequestReport.Field, to line: inout [UInt8]) {
        switch field {
        case .text(let text): LogText.append(text, to: &line)
        case .words(let words): LogText.append(words, to: &line)
        case .integer(let number): line.append(decimal: Int64(number))
        case .thousandths(let number): LogText.append(thousandths: number, to: &line)
        case .hash(let hash):
            line.append(UInt8(ascii: "\""))
            LogText.appendHexadecimal(hash, digits: 16, to: &line)
            line.append(UInt8(ascii: "\""))
        case .isTrue: line.append("true")
        }
    }
}
