import Outbound

/// Why a connection could not be opened, or had to be closed, in words for the operator; never holds a password.
package struct ConnectionFault: Error, Equatable {
    package let detail: String
    /// The server said nothing, not even that it is down, so it may still answer.
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

    /// `cause` names the file, never what it holds.
    static func certificatesUnreadable(_ cause: any Error) -> ConnectionFault {
        ConnectionFault(detail: "TLS certificates or key could not be read: \(cause)")
    }

    /// The server answered with an error.
    /// - Parameter command: its name, if that tells the operator what is missing.
    static func refused(code: String, _ command: String? = nil) -> ConnectionFault {
        ConnectionFault(detail: command.map { "\(code) for \($0)" } ?? code)
    }
}

extension ConnectionFault {
    /// `error` came up while connecting to, or talking with, `address`.
    init(_ error: any Error, address: RedisAddress) {
        let fault = NetworkFault(error)
        self.init(detail: "\(fault.words): \(address)", isSilence: fault == .connectTimedOut)
    }
}
