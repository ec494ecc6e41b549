import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import NIOHTTPCompression
import NIOPosix
import NIOSSL

/// Why there is no answer, in a few words for an operator. Holds nothing that the other side sent.
package struct OutboundFault: Error, Sendable, Equatable {
    package enum Kind: Sendable {
        /// Nobody can have acted upon the request: no connection was made, or nothing of it was sent.
        case notSent
        /// A new connection closed after the request was sent, and before a byte of an answer.
        case unanswered
        /// A kept connection did, and the request must not be made again. That says little of the server.
        case stale
        /// The proxy, TLS or the answer failed.
        case broken
        /// An answer came, and is refused for its size or coding.
        case refused
        case timedOut
    }

    package let kind: Kind
    package let cause: String

    package init(_ kind: Kind, _ cause: String) {
        self.kind = kind
        self.cause = cause
    }

    static let closed = OutboundFault(.broken, "connection closed early")
    static let notActedUpon = OutboundFault(.notSent, closed.cause)
    static let unknownHost = OutboundFault(.notSent, "host name not found")
    static let shutDown = OutboundFault(.notSent, "client is shut down")

    static func headTooLarge(_ limit: Int) -> OutboundFault {
        OutboundFault(.refused, "the head of its answer has more than \(limit) bytes")
    }

    /// - Parameter error: what NIO throws for sockets, TLS and HTTP.
    init(_ error: any Error, headBytes: Int) {
        switch error {
        case let fault as OutboundFault: self = fault
        case let error as NIOHTTP2Errors.StreamClosed where error.errorCode == .refusedStream:
            self = .notActedUpon
        case is NIOHPACKErrors.MaxHeaderListSizeViolation, is NIOHTTP2Errors.ExcessivelyLargeHeaderBlock,
            is NIOHTTP2Errors.ExcessiveContinuationFrames,
            HTTPParserError.headerOverflow:
            self = .headTooLarge(headBytes)
        case NIOHTTPDecompression.DecompressionError.limit:
            self.init(.refused, "its body becomes more than \(AnswerLimits.expansion) times larger by being decoded")
        case is NIOHTTPDecompression.DecompressionError, is NIOHTTPDecompression.ExtraDecompressionError:
            self.init(.refused, "its body is not coded as its Content-Encoding says")
        default: self.init(.broken, Self.words(for: error))
        }
    }

    /// No connection was made.
    /// - Parameter proxy: that was to be connected to; nil for the server itself.
    init(notConnected error: any Error, by proxy: OutboundProxy?) {
        let fault = OutboundFault(.notSent, Self.words(for: error))
        self = proxy.map(fault.blaming) ?? fault
    }

    func blaming(_ proxy: OutboundProxy) -> OutboundFault { OutboundFault(kind, "\(proxy.name): \(cause)") }

    private static func words(for error: any Error) -> String {
        switch error {
        case let fault as OutboundFault: fault.cause
        case let error as NIOConnectionError: words(for: error)
        case let error as IOError: words(forErrno: error.errnoCode)
        case is NIOSSLExtraError: "certificate not trusted"
        case let error as NIOSSLError: words(for: error)
        case ChannelError.connectTimeout(_): "connection timed out"
        case is ChannelError, HTTPParserError.invalidEOFState: closed.cause
        case is NIOHTTP2Errors.StreamClosed: "stream reset"
        case is HTTPParserError, is any NIOHTTP2Error, is any NIOHPACKError: "no valid HTTP"
        default: "\(type(of: error))"
        }
    }

    private static func words(for error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first { return words(for: first.error) }
        return (error.dnsAError ?? error.dnsAAAAError).map(words) ?? "no address for the host name"
    }

    /// The library tells causes in text only.
    private static func words(for error: NIOSSLError) -> String {
        if case .uncleanShutdown = error { return closed.cause }
        return "\(error)".contains("CERTIFICATE_VERIFY_FAILED") ? "certificate not trusted" : "TLS handshake failed"
    }

    private static func words(forErrno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE: closed.cause
        case EHOSTUNREACH, ENETUNREACH: "host not reachable"
        case ETIMEDOUT: "connection timed out"
        default: "socket error \(code)"
        }
    }
}
