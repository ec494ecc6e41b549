package import NIOCore

/// How long a connection may wait. Each state of ``ConnectionMachine`` has its own time.
package struct ConnectionTimes: Sendable {
    /// For a request, from its first byte to the last byte of its body; for the peer to read an answer; for a TLS
    /// handshake.
    package let request: TimeAmount
    /// For the first byte of the next request.
    package let idle: TimeAmount

    package init(request: TimeAmount, idle: TimeAmount) {
        self.request = request
        self.idle = idle
    }

    /// For a route to answer. Routes have their own deadlines of at most a minute, so this one only ends a route that
    /// hangs because of a defect.
    static let answer = TimeAmount.minutes(2)
    /// For the peer to close after the last answer, while it may still be sending. If we closed at once, the kernel
    /// would reset the connection, and the answer could be lost on the way.
    static let linger = TimeAmount.seconds(2)
    /// For a last request on an idle connection when the listener drains, because it may be on its way already.
    static let lastRequest = TimeAmount.milliseconds(500)
}
