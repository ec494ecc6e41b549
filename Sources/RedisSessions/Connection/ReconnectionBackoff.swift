import NIOCore

/// Waits between attempts to connect: doubled from 50 ms to 1 s, each cut to a random 50…100 %, so that a fleet does not
/// come back in step. The longest wait and one connect time-out stay below two seconds.
struct ReconnectionBackoff {
    static let first = TimeAmount.milliseconds(50)
    static let longest = TimeAmount.seconds(1)

    private var current = Self.first

    mutating func next(using generator: inout some RandomNumberGenerator) -> TimeAmount {
        let wait = current
        current = min(current * 2, Self.longest)
        return .nanoseconds(.random(in: wait.nanoseconds / 2...wait.nanoseconds, using: &generator))
    }

    mutating func reset() {
        current = Self.first
    }
}
