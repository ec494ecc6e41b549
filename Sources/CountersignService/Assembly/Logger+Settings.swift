package import Logging
package import ServiceConfiguration
package import TokenExchange

extension Logger {
    /// Writes as `log` says: whole lines, each with its level.
    package init(
        _ settings: LogSettings, now: @escaping @Sendable () -> UnixTime,
        write: @escaping @Sendable ([UInt8], Logger.Level) -> Void
    ) {
        let level = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        self.init(label: "countersign") { label in
            StructuredLogHandler(
                label: label, level: level, format: settings.lineFormat, now: now, write: write)
        }
    }
}

extension LogSettings {
    /// What lines look like.
    package var lineFormat: StructuredLogHandler.Format { format == .json ? .json : .text }
}
