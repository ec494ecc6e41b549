package import NIOCore

/// How long a connection may wait, for what. Each state of ``ConnectionMachine`` has its time.
package struct ConnectionTimes: Sendable {
    /// For a request, from its first byte to the last one of its body; for the peer to take an answer; for a TLS handshake.
    package let request: TimeAmount
    /// For the first byte of the next request.
    package let idle: TimeAmount

    package init(request: TimeAmount, idle: TimeAmount) {
        self.request = request
        self.idle = idle
    }

    /// For a route to answer. Routes have deadlines of their own, of a minute at the most: this one ends what only a
    /// defect can leave hanging.
    static let answer = TimeAmount.minutes(2)
    /// For the peer to close after an answer that ends the connection while it may still be sending. Closing at once would
    /// make the kernel reset the connection, and the answer could be lost on the way.
    static let linger = TimeAmount.seconds(2)
    /// For a last request on an idle connection once the listener drains: it may be on its way already.
    static let lastRequest = TimeAmount.milliseconds(500)
}
