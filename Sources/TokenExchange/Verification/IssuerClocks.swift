import Synchronization

/// How far each tenant's issuer seems to be ahead of our clock, for the metrics.
///
/// Tokens are exchanged right after they were issued, so the newest shows the difference: its `iat` minus our time is
/// the issuer's lead minus the network's delay. Kept for two windows, so that a correction shows within minutes.
///
/// A token that seems old may be old: an app may send one again hours later. So a lead that is below zero counts only if
/// it is small, or if several tokens agree.
package final class IssuerClocks: Sendable {
    private let clocks = Mutex<[ExactText: IssuerClock]>([:])

    package init() {}

    /// The clock of a tenant's issuer, the same each time.
    func of(_ tenant: ExactText) -> IssuerClock {
        clocks.withLock { clocks in
            let clock = clocks[tenant] ?? IssuerClock()
            clocks[tenant] = clock
            return clock
        }
    }

    /// The issuer's clock minus ours; nil if the tokens of the last minutes do not tell.
    package func offset(of tenant: ExactText, at now: UnixTime) -> Duration? {
        clocks.withLock { $0[tenant] }?.offset(at: now)
    }
}

/// The clock of one issuer.
final class IssuerClock: Sendable {
    private let windows = Mutex<Windows?>(nil)

    /// Long enough to see a login in a quiet shop.
    private static let windowSeconds: Int64 = 300

    private struct Windows {
        var number: Int64
        var current: Evidence
        var previous: Evidence?
    }

    /// To be called only for genuine tokens.
    func observe(issuedAt: UnixTime, at now: UnixTime) {
        let number = now.wholeSeconds / Self.windowSeconds
        windows.withLock { windows in
            if windows?.number == number {
                windows?.current.add(issuedAt: issuedAt, at: now)
            } else {
                windows = Windows(
                    number: number, current: Evidence(issuedAt: issuedAt, at: now),
                    previous: windows?.number == number - 1 ? windows?.current : nil)
            }
        }
    }

    fileprivate func offset(at now: UnixTime) -> Duration? {
        let number = now.wholeSeconds / Self.windowSeconds
        guard let known = windows.withLock(\.self) else { return nil }
        switch known.number {
        case number: return [known.current.lead, known.previous?.lead].compactMap(\.self).max()
        case number - 1: return known.current.lead
        default: return nil
        }
    }
}

/// What the tokens of one window say about a clock; in seconds.
private struct Evidence {
    /// Tokens whose leads differ by no more than this agree. A lead this far below zero is a delay that does not matter.
    private static let tolerance = 5.0
    /// How many must agree on a greater one, and over which time: apps that send old tokens again at one moment agree too.
    private static let (witnesses, span) = (3, 60.0)

    private var greatest: Double
    /// Of the tokens that agree with the greatest lead: how many, and when the first and the last were issued.
    private var count = 1
    private var first: Double
    private var last: Double

    init(issuedAt: UnixTime, at now: UnixTime) {
        greatest = issuedAt.seconds - now.seconds
        (first, last) = (issuedAt.seconds, issuedAt.seconds)
    }

    /// Another token. The same one again is no further witness.
    mutating func add(issuedAt: UnixTime, at now: UnixTime) {
        let lead = issuedAt.seconds - now.seconds
        if lead > greatest + Self.tolerance {
            self = Evidence(issuedAt: issuedAt, at: now)
        } else if lead >= greatest - Self.tolerance {
            greatest = max(greatest, lead)
            if issuedAt.seconds < first || issuedAt.seconds > last { count += 1 }
            (first, last) = (min(first, issuedAt.seconds), max(last, issuedAt.seconds))
        }
    }

    /// Nil if it proves nothing.
    var lead: Duration? {
        let isProved =
            greatest >= -Self.tolerance || count >= Self.witnesses && last - first >= Self.span
        return isProved ? .seconds(greatest) : nil
    }
}
