package struct LogSettings: Sendable, Equatable {
    /// The least important lines that are written.
    package enum Level: String, Sendable, CaseIterable {
        case trace, debug, info, warning, error
    }

    package enum Format: String, Sendable, CaseIterable {
        /// One JSON object a line.
        case json
        /// For people.
        case text
    }

    package let level: Level
    package let format: Format
}

extension LogSettings {
    static func read(_ section: MappingReader) -> LogSettings? {
        LogSettings(
            level: section.value("level", default: .info) { $0.choice() },
            format: section.value("format", default: .json) { $0.choice() })
    }
}
