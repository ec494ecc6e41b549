/// Why a connection ended. A closed set, for metrics.
package enum CloseReason: String, Sendable, CaseIterable {
    /// With the answer to its last request, as planned.
    case answered
    /// With the answer to bytes that were not a request.
    case refused
    /// The peer closed it, or the network broke.
    case peer
    /// The client broke the rules of HTTP/2, or flooded us with its frames.
    case protocolError = "protocol_error"
    case handshakeFailed = "handshake_failed"
    case handshakeTimeout = "handshake_timeout"
    case idleTimeout = "idle_timeout"
    case headTimeout = "head_timeout"
    case bodyTimeout = "body_timeout"
    case answerTimeout = "answer_timeout"
    case writeTimeout = "write_timeout"
    case lingerTimeout = "linger_timeout"
    /// Another client needed its place, and of all connections it had waited for its peer the longest.
    case evicted
    /// It was idle while the listener drained.
    case draining
    /// It had not ended when the listener's time was up.
    case shutdown

    /// Whether a TLS peer is told (`close_notify`) and given time to answer.
    var isPolite: Bool {
        switch self {
        case .answered, .refused, .protocolError, .idleTimeout, .draining: true
        case .peer, .handshakeFailed, .handshakeTimeout, .headTimeout, .bodyTimeout, .answerTimeout, .writeTimeout,
            .lingerTimeout, .evicted, .shutdown:
            false
        }
    }

    /// Whether the peer has had enough time to read what was sent, so that the kernel need not keep it.
    var isAbrupt: Bool {
        switch self {
        case .answerTimeout, .writeTimeout, .lingerTimeout, .shutdown: true
        case .answered, .refused, .peer, .protocolError, .handshakeFailed, .handshakeTimeout, .idleTimeout,
            .headTimeout, .bodyTimeout,
            .evicted, .draining:
            false
        }
    }
}
