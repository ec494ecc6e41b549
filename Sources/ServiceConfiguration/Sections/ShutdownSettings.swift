/// `shutdown`: how long the service takes to end.
package struct ShutdownSettings: Sendable, Equatable {
    /// How long requests are served as before after SIGTERM, so that every load balancer sees that we are leaving.
    package let notice: Duration
    /// After that: how long requests in progress and sessions that wait for the store may take.
    package let grace: Duration

    /// Both may be zero.
    package init(notice: Duration, grace: Duration) {
        self.notice = notice
        self.grace = grace
    }
}

extension ShutdownSettings {
    /// Both keys have a default.
    static func read(_ section: MappingReader) -> ShutdownSettings? {
        ShutdownSettings(
            notice: section.value("notice", default: .seconds(5)) { $0.duration(in: .zero...(.seconds(300))) },
            grace: section.value("grace", default: .seconds(10)) { $0.duration(in: .zero...(.seconds(300))) })
    }
}
