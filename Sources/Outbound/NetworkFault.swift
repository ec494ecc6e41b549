import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// What went wrong with a connection to another server, in the few words that logs and failures have for it, whichever
/// client it was. Holds nothing that the other side sent.
package struct NetworkFault: Sendable, Equatable {
    package let words: String

    package static let closedEarly = NetworkFault(words: "connection closed early")
    /// The other side said nothing, not even that nobody listens there.
    package static let connectTimedOut = NetworkFault(words: "connection timed out")
    package static let unknownHost = NetworkFault(words: "host name not found")

    private init(words: String) {
        self.words = words
    }

    /// - Parameter error: what NIO throws for names, sockets and TLS.
    package init(_ error: any Error) {
        switch error {
        case let fault as OutboundFault: self.init(words: fault.cause)
        case let error as NIOConnectionError: self.init(error)
        case is SocketAddressError: self = .unknownHost
        case let error as IOError: self.init(errno: error.errnoCode)
        case ChannelError.connectTimeout: self = .connectTimedOut
        case is ChannelError: self = .closedEarly
        case let error as NIOSSLExtraError
        where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
            self.init(words: "certificate is not for this host")
        case NIOSSLError.uncleanShutdown: self = .closedEarly
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: self.init(tls: "\(error)")
        default: self.init(words: "\(type(of: error))")
        }
    }

    private init(_ error: NIOConnectionError) {
        if let last = error.connectionErrors.last {
            self.init(last.error)
        } else if let error = error.dnsAError ?? error.dnsAAAAError {
            self.init(error)
        } else {
            self.init(words: "no address for the host name")
        }
    }

    /// - Parameter error: in words of the library's own, since it tells its reasons in no other way.
    private init(tls error: String) {
        let refusals = ["ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_"]
        words =
            if error.contains("CERTIFICATE_VERIFY_FAILED") {
                "certificate is not trusted"
            } else if error.contains("ALERT_CERTIFICATE_REQUIRED") {
                "server asks for a client certificate"
            } else if refusals.contains(where: error.contains) {
                "server refuses our certificate"
            } else if error.contains("WRONG_VERSION_NUMBER") {
                "server does not speak TLS"
            } else {
                "TLS handshake failed"
            }
    }

    private init(errno code: CInt) {
        switch code {
        case ECONNREFUSED: self.init(words: "connection refused")
        case ECONNRESET, EPIPE: self = .closedEarly
        case ETIMEDOUT: self = .connectTimedOut
        case EHOSTUNREACH, ENETUNREACH: self.init(words: "host not reachable")
        case EMFILE, ENFILE: self.init(words: "too many open files")
        default: self.init(words: "system error \(code)")
        }
    }
}
