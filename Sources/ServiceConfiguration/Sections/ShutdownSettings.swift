/// How long the service takes to leave.
package struct ShutdownSettings: Sendable, Equatable {
    /// From SIGTERM on requests are served as before, until every load balancer has seen that we are leaving.
    package let notice: Duration
    /// After that, for the requests in flight and the sessions that wait for the store.
    package let grace: Duration

    package init(notice: Duration, grace: Duration) {
        self.notice = notice
        self.grace = grace
    }
}

extension ShutdownSettings {
    static func read(_ section: MappingReader) -> ShutdownSettings? {
        ShutdownSettings(
            notice: section.value("notice", default: .seconds(5)) { $0.duration(in: .zero...(.seconds(300))) },
            grace: section.value("grace", default: .seconds(10)) { $0.duration(in: .zero...(.seconds(300))) })
    }
}
