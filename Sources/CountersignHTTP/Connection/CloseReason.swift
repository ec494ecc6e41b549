/// Why a connection ended. A closed set, for metrics.
package enum CloseReason: String, Sendable, CaseIterable {
    /// With the answer to its last request.
    case answered
    /// With the answer to what was no request.
    case refused
    /// The peer closed, or the network did.
    case peer
    case handshakeFailed = "handshake_failed"
    case handshakeTimeout = "handshake_timeout"
    case idleTimeout = "idle_timeout"
    case headTimeout = "head_timeout"
    case bodyTimeout = "body_timeout"
    case answerTimeout = "answer_timeout"
    case writeTimeout = "write_timeout"
    case lingerTimeout = "linger_timeout"
    /// It waited for its peer the longest when another client needed its place.
    case evicted
    /// It was idle while the listener drained.
    case draining
    /// It had not ended when the listener's time was up.
    case shutdown

    /// Whether the peer is told, where TLS has a way to (`close_notify`), and may take its time to answer that.
    var isPolite: Bool {
        switch self {
        case .answered, .refused, .idleTimeout, .draining: true
        case .peer, .handshakeFailed, .handshakeTimeout, .headTimeout, .bodyTimeout, .answerTimeout, .writeTimeout,
            .lingerTimeout, .evicted, .shutdown:
            false
        }
    }

    /// Whether the peer has had its time to take what was sent, so that the kernel need not keep it.
    var isAbrupt: Bool {
        switch self {
        case .answerTimeout, .writeTimeout, .lingerTimeout, .shutdown: true
        case .answered, .refused, .peer, .handshakeFailed, .handshakeTimeout, .idleTimeout, .headTimeout, .bodyTimeout,
            .evicted, .draining:
            false
        }
    }
}
