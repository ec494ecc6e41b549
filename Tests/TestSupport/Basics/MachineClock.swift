import Foundation
package import TokenExchange

extension TimeSource {
    /// The machine's clocks, for what meets real sockets.
    package static let machine: TimeSource = {
        let start = ContinuousClock.now
        return TimeSource(
            now: { UnixTime(seconds: Date().timeIntervalSince1970) }, elapsed: { ContinuousClock.now - start })
    }()
}
