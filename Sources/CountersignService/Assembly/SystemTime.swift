import FoundationEssentials
package import TokenExchange

extension TimeSource {
    /// The machine's clocks. Nothing else in the service reads them.
    package static let system: TimeSource = {
        let start = ContinuousClock.now
        return TimeSource(
            now: { UnixTime(seconds: Date().timeIntervalSince1970) },
            elapsed: { ContinuousClock.now - start })
    }()
}
