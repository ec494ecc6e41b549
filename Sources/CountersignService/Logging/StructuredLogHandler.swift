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
        switch format {
        case .json: appendJSON(event, fields, to: &line)
        case .text: appendText(event, fields, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        write(line, event.level)
    }

    private func appendJSON(_ event: LogEvent, _ fields: Logger.Metadata, to line: inout [UInt8]) {
        line.append(contentsOf: #"{"time":""#.utf8)
        Timestamp.append(now(), to: &line)
        line.append(contentsOf: #"","level":""#.utf8)
        line.append(contentsOf: event.level.rawValue.utf8)
        line.append(contentsOf: #"","component":"#.utf8)
        JSONValue.append(label, to: &line)
        line.append(contentsOf: #","message":"#.utf8)
        JSONValue.append(event.message.description, to: &line)
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.append(UInt8(ascii: ","))
            JSONValue.append(name, to: &line)
            line.append(UInt8(ascii: ":"))
            value.append(to: &line)
        }
        line.append(UInt8(ascii: "}"))
    }

    private func appendText(_ event: LogEvent, _ fields: Logger.Metadata, to line: inout [UInt8]) {
        Timestamp.append(now(), to: &line)
        line.append(contentsOf: " \(event.level.rawValue) \(label): \(event.message)".utf8)
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.append(contentsOf: " \(name)=".utf8)
            value.append(to: &line)
        }
    }
}

extension Logger.MetadataValue {
    fileprivate func append(to line: inout [UInt8]) {
        if case .string(let string) = self { JSONValue.append(string, to: &line) } else { json.append(to: &line) }
    }

    private var json: JSONValue {
        switch self {
        case .string(let string): .string(string)
        // These casts are cheap, and every line about a request has two numbers.
        case .stringConvertible(let number as Int): .number(literal: String(number))
        case .stringConvertible(let number as Double): .number(literal: "\(number)")
        case .stringConvertible(let number as any Numeric): .number(literal: "\(number)")
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(\.json))
        case .dictionary(let values):
            .object(values.sorted { $0.key < $1.key }.map { JSONValue.Member(ExactText($0.key), $0.value.json) })
        }
    }
}
