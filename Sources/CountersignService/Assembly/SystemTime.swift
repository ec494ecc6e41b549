import FoundationEssentials
import Glibc
package import TokenExchange

extension TimeSource {
    /// The machine's clocks. Nothing else in the service reads them.
    package static let system: TimeSource = {
        let start = ContinuousClock.now
        return TimeSource(
            now: { UnixTime(seconds: Date().timeIntervalSince1970) },
            elapsed: { ContinuousClock.now - start })
    }()

    /// `CLOCK_MONOTONIC`, which other programs of this machine can compare with theirs.
    package static let systemMonotonic: @Sendable () -> Duration = {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
