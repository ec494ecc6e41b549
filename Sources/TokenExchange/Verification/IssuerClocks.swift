import Synchronization

/// How far each tenant's issuer seems to be ahead of our clock, for the metrics.
///
/// Tokens are exchanged right after they were issued, so the newest shows the difference: its `iat` minus our time is
/// the issuer's lead minus the network's delay. Kept for two windows, so that a correction shows within minutes.
package final class IssuerClocks: Sendable {
    private let windows = Mutex<[ExactText: Windows]>([:])

    /// Long enough to see a login in a quiet shop.
    private static let windowSeconds: Int64 = 300

    private struct Windows {
        var number: Int64
        var current: Duration
        var previous: Duration?
    }

    package init() {}

    /// To be called only for genuine tokens.
    func observe(issuedAt: UnixTime, at now: UnixTime, tenant: ExactText) {
        let lead = issuedAt - now
        let number = now.wholeSeconds / Self.windowSeconds
        windows.withLock { windows in
            guard var known = windows[tenant] else {
                windows[tenant] = Windows(number: number, current: lead)
                return
            }
            if known.number == number {
                known.current = max(known.current, lead)
            } else {
                known = Windows(
                    number: number, current: lead, previous: known.number == number - 1 ? known.current : nil)
            }
            windows[tenant] = known
        }
    }

    /// The issuer's clock minus ours; nil if there was no genuine token with an `iat` yet.
    package func offset(of tenant: ExactText) -> Duration? {
        windows.withLock { windows in
            windows[tenant].map { max($0.current, $0.previous ?? $0.current) }
        }
    }
}
