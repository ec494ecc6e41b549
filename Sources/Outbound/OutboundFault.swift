import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import NIOHTTPCompression

/// Why there is no answer, in a few words for an operator. Holds nothing that the other side sent.
package struct OutboundFault: Error, Sendable, Equatable {
    /// Whose fault it is, and whether the request can have been acted upon.
    package enum Kind: Sendable {
        /// Nobody can have acted upon the request: no connection was made, or nothing of it was sent.
        case notSent
        /// A new connection closed after the request was sent, and before a byte of an answer.
        case unanswered
        /// A kept connection closed like that, and the request must not be made again. That says little of the server.
        case stale
        /// The proxy, TLS or the answer failed.
        case broken
        /// An answer came, and is refused for its size or coding.
        case refused
        case timedOut
    }

    package let kind: Kind
    package let cause: String

    /// `cause` is logged as it is.
    package init(_ kind: Kind, _ cause: String) {
        self.kind = kind
        self.cause = cause
    }

    static let closed = OutboundFault(.broken, NetworkFault.closedEarly.words)
    static let notActedUpon = OutboundFault(.notSent, closed.cause)
    static let unknownHost = OutboundFault(.notSent, NetworkFault.unknownHost.words)
    static let shutDown = OutboundFault(.notSent, "client is shut down")

    /// `limit` in bytes.
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

    /// The same, with the proxy named as its cause.
    func blaming(_ proxy: OutboundProxy) -> OutboundFault { OutboundFault(kind, "\(proxy.name): \(cause)") }

    private static func words(for error: any Error) -> String {
        switch error {
        case HTTPParserError.invalidEOFState: closed.cause
        case is NIOHTTP2Errors.StreamClosed: "stream reset"
        case is HTTPParserError, is any NIOHTTP2Error, is any NIOHPACKError: "no valid HTTP"
        default: NetworkFault(error).words
        }
    }
}
