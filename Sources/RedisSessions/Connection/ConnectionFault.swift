import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Why a connection could not be opened, or had to be closed, in words for the operator; never holds a password.
package struct ConnectionFault: Error, Equatable {
    package let detail: String
    /// The server says nothing, not even that it is not there. It may answer any moment.
    var isSilence = false

    package static let closedByServer = ConnectionFault(detail: "connection closed by server")
    package static let protocolViolated = ConnectionFault(detail: "reply is not RESP2, or too long")
    package static let unsolicitedReply = ConnectionFault(detail: "reply that nobody had asked for")
    package static let unexpectedReply = ConnectionFault(detail: "reply that does not fit the command")
    package static let notMaster = ConnectionFault(detail: "server is a replica")
    package static let noMaster = ConnectionFault(detail: "no sentinel names a master")
    package static let slotNotCovered = ConnectionFault(detail: "no server of the cluster is known to have the slot")
    package static let handshakeTimedOut = ConnectionFault(detail: "handshake timed out", isSilence: true)
    package static let hung = ConnectionFault(detail: "server stopped answering", isSilence: true)
    package static let filesDoNotAnswer = ConnectionFault(
        detail: "files of password or certificates do not answer; is their file system gone?")
    package static let shutDown = ConnectionFault(detail: "client is shut down")

    /// `cause` names the variable or the file, never what it holds.
    static func passwordUnreadable(_ cause: any Error) -> ConnectionFault {
        ConnectionFault(detail: "password could not be read: \(cause)")
    }

    static func certificatesUnreadable(_ cause: any Error) -> ConnectionFault {
        ConnectionFault(detail: "TLS certificates or key could not be read: \(cause)")
    }

    /// The server answered with an error.
    /// - Parameter command: the command's own name, where that tells the operator what is missing.
    static func refused(code: String, _ command: String? = nil) -> ConnectionFault {
        ConnectionFault(detail: command.map { "\(code) for \($0)" } ?? code)
    }
}

extension ConnectionFault {
    /// `error` came up while connecting to, or talking with, `address`.
    init(_ error: any Error, address: RedisAddress) {
        let words = Self.words(for: error)
        self.init(detail: "\(words): \(address)", isSilence: words == Self.connectTimedOut)
    }

    private static let connectTimedOut = "connecting timed out"

    private static func words(for error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.last { return words(for: failure.error) }
            return "host name not resolved"
        case ChannelError.connectTimeout: return connectTimedOut
        case let error as IOError: return words(forErrno: error.errnoCode)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return "certificate is not for this host"
        case is NIOSSLError, is BoringSSLError: return words(forTLS: "\(error)")
        default: return "\(type(of: error))"
        }
    }

    /// BoringSSL tells its reasons in words of its own only.
    private static func words(forTLS error: String) -> String {
        if error.contains("CERTIFICATE_VERIFY_FAILED") { return "certificate is not trusted" }
        if error.contains("ALERT_CERTIFICATE_REQUIRED") { return "server asks for a certificate of ours" }
        let refusals = ["ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_"]
        if refusals.contains(where: error.contains) { return "server refuses our certificate" }
        if error.contains("WRONG_VERSION_NUMBER") { return "server does not speak TLS" }
        if error.contains("uncleanShutdown") { return "connection closed without TLS's goodbye" }
        return "TLS handshake failed"
    }

    private static func words(forErrno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE: "connection reset"
        case ETIMEDOUT: connectTimedOut
        case EHOSTUNREACH: "no route to host"
        case ENETUNREACH: "network unreachable"
        case EMFILE, ENFILE: "too many open files"
        default: "system error \(code)"
        }
    }
}
