import ArgumentParser
import ServiceConfiguration

/// A duration as in the configuration: `30s`, `5m`, `1h`.
struct LifetimeArgument: ExpressibleByArgument {
    let duration: Duration

    /// For defaults.
    init(duration: Duration) {
        self.duration = duration
    }

    /// Nil for other text, and for less than a second.
    init?(argument: String) {
        guard let duration = DurationLiteral.duration(argument), duration >= .seconds(1) else { return nil }
        self.duration = duration
    }

    var defaultValueDescription: String { "\(duration / .seconds(1)) s" }
}
