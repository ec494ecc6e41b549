/// The two clocks of the service, passed in wherever time matters, so that tests can set them.
package struct TimeSource: Sendable {
    /// The wall clock: compared with `iat`, `nbf`, `exp`.
    package let now: @Sendable () -> UnixTime
    /// The monotonic clock, for deadlines; its zero has no meaning.
    package let elapsed: @Sendable () -> Duration

    package init(now: @escaping @Sendable () -> UnixTime, elapsed: @escaping @Sendable () -> Duration) {
        self.now = now
        self.elapsed = elapsed
    }
}
