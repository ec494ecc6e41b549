/// The two clocks of the service, passed in wherever time matters, so that tests own them.
package struct TimeSource: Sendable {
    /// The wall clock: compared with `iat`, `nbf`, `exp`.
    package let now: @Sendable () -> UnixTime
    /// A clock that only goes forward, for deadlines; its zero means nothing.
    package let elapsed: @Sendable () -> Duration

    package init(now: @escaping @Sendable () -> UnixTime, elapsed: @escaping @Sendable () -> Duration) {
        self.now = now
        self.elapsed = elapsed
    }
}
