package import Logging
package import TokenExchange

/// Writes one line per event, as JSON for machines or as text for people. Values are escaped, so that none can begin a
/// new line.
package struct StructuredLogHandler: LogHandler {
    /// `log.format` of the configuration.
    package enum Format: Sendable {
        case json
        case text
    }

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level
    private let label: String
    private let format: Format
    private let now: @Sendable () -> UnixTime
    private let write: @Sendable ([UInt8], Logger.Level) -> Void

    /// - Parameter write: called with one whole line, including its line feed, and its level.
    package init(
        label: String, level: Logger.Level, format: Format, now: @escaping @Sendable () -> UnixTime,
        write: @escaping @Sendable ([UInt8], Logger.Level) -> Void
    ) {
        self.label = label
        logLevel = level
        self.format = format
        self.now = now
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        // The event's own fields win, then the provider's.
        var fields = event.metadata ?? [:]
        if let provided = metadataProvider?.get() { fields.merge(provided) { own, _ in own } }
        if !metadata.isEmpty { fields.merge(metadata) { own, _ in own } }
        if let error = event.error { fields["error"] = .string("\(error)") }
        var line: [UInt8] = []
        line.reserveCapacity(256)
        let isJSON = format == .json
        format.append(now(), event.level, to: &line)
        format.append(event.message.description, of: label, to: &line)
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.append(isJSON ? UInt8(ascii: ",") : UInt8(ascii: " "))
            if isJSON { LogText.append(name, to: &line) } else { LogText.appendBare(name, to: &line) }
            line.append(isJSON ? UInt8(ascii: ":") : UInt8(ascii: "="))
            LogText.append(value, to: &line)
        }
        line.append(isJSON ? "}\n" : "\n")
        write(line, event.level)
    }
}

extension StructuredLogHandler.Format {
    /// Appends the beginning of a line.
    func append(_ time: UnixTime, _ level: Logger.Level, to line: inout [UInt8]) {
        if self == .json { line.append(#"{"time":""#) }
        Timestamp.append(time, to: &line)
        line.append(self == .json ? #"","level":""# : " ")
        line.append(contentsOf: level.rawValue.utf8)
    }

    /// Appends what comes after that, before a line's fields.
    func append(_ message: String, of label: String, to line: inout [UInt8]) {
        switch self {
        case .json:
            line.append(#"","component":"#)
            LogText.append(label, to: &line)
            line.append(#","message":"#)
            LogText.append(message, to: &line)
        case .text:
            line.append(" ")
            line.append(contentsOf: label.utf8)
            line.append(": ")
            LogText.appendBare(message, to: &line)
        }
    }
}
