/// `log`: what is logged, and how.
package struct LogSettings: Sendable, Equatable {
    /// The least important lines that are written.
    package enum Level: String, Sendable, CaseIterable {
        case trace, debug, info, warning, error
    }

    /// What a line looks like.
    package enum Format: String, Sendable, CaseIterable {
        /// One JSON object per line.
        case json
        /// For people.
        case text
    }

    package let level: Level
    package let format: Format
    /// How many bytes of lines may wait for a slow reader; further lines are dropped.
    package let bufferBytes: Int
    /// How many refused requests of one source are logged each second; the others are counted.
    package let refusalsPerSecond: Int
    /// For the hashes of subject and device in the lines of requests; nil for lines without. A reload renews it.
    package let correlationKey: Secret?

    /// What only a restart changes.
    package var lasting: LogSettings {
        LogSettings(
            level: level, format: format, bufferBytes: bufferBytes, refusalsPerSecond: refusalsPerSecond,
            correlationKey: nil)
    }
}

extension LogSettings {
    /// Every key has a default, except the secret.
    static func read(_ section: MappingReader) -> LogSettings? {
        LogSettings(
            level: section.value("level", default: .info) { $0.choice() },
            format: section.value("format", default: .json) { $0.choice() },
            bufferBytes: section.value("buffer_bytes", default: 1 << 20) { $0.integer(in: 65_536...(1 << 30)) },
            refusalsPerSecond: section.value("refusals_per_second", default: 10) { $0.integer(in: 1...10_000) },
            correlationKey: section.optional("correlation_key") { $0.secret(atLeast: 16) })
    }
}
