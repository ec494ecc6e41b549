import Logging
import NIOCore
import Synchronization
import TokenExchange

/// Tells an operator of clients without a good certificate, where clients need one: a line in ten seconds, so that nobody
/// can flood the log. The metrics count all of them.
package final class HandshakeLog: Sendable {
    private struct State {
        /// From when on there may be another line.
        var next = NIODeadline.uptimeNanoseconds(0)
        var leftOut = 0
    }

    private static let pause = TimeAmount.seconds(10)

    private let state = Mutex(State())
    private let logger: Logger

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// A client's handshake has failed.
    func failed(_ error: any Error, from peer: IPAddress?, now: NIODeadline) {
        let leftOut: Int? = state.withLock { state in
            guard now >= state.next else {
                state.leftOut += 1
                return nil
            }
            defer { state = State(next: now + Self.pause) }
            return state.leftOut
        }
        guard let leftOut else { return }
        logger.warning(
            "a client was refused in the TLS handshake",
            metadata: [
                "source": .string(peer.map { "\(RequestSource($0))" } ?? "unknown"),
                "cause": .string(Self.cause(of: error)), "left_out": .stringConvertible(leftOut),
            ])
    }

    /// In constant words: the library's tell more of the client than a log should hold.
    private static func cause(of error: any Error) -> String {
        let text = "\(error)"
        if text.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") { return "it showed no certificate" }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "its certificate has expired, or comes from no authority in client_certificates"
        }
        return "the handshake failed"
    }
}
