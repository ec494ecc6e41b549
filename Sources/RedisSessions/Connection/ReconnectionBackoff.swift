import NIOCore

/// Waits between attempts to connect: doubled from 50 ms, each cut to a random 50…100 %, so that replicas do not connect at
/// the same moment. The longest wait and one connect time-out stay below two seconds.
struct ReconnectionBackoff {
    private static let first = TimeAmount.milliseconds(50)
    /// While logins wait for the server.
    private static let longest = TimeAmount.milliseconds(200)
    private static let longestOfAll = TimeAmount.seconds(1)

    private var current = Self.first

    /// - Parameter isPatient: nobody waits.
    mutating func next(isPatient: Bool, using generator: inout some RandomNumberGenerator) -> TimeAmount {
        let wait = min(current, isPatient ? Self.longestOfAll : Self.longest)
        current = min(current * 2, Self.longestOfAll)
        return .nanoseconds(.random(in: wait.nanoseconds / 2...wait.nanoseconds, using: &generator))
    }

    /// To be called when a connection is open.
    mutating func reset() {
        current = Self.first
    }
}
