import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a key set could not be had, in a few words for an operator. Holds nothing that the issuer sent.
package struct KeySetFetchFailure: Error, Equatable {
    package let cause: String

    package init(_ cause: String) {
        self.cause = cause
    }

    /// - Parameter error: of the HTTP client, or what it throws for TLS and sockets.
    init(_ error: any Error) {
        self.init(Self.words(for: error))
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case let failure as KeySetFetchFailure: failure.cause
        case let error as NIOConnectionError: words(for: error)
        case let error as IOError: words(forErrno: error.errnoCode)
        case is NIOSSLExtraError: "certificate not trusted"
        case let error as NIOSSLError: words(for: error)
        case is ChannelError, HTTPParserError.invalidEOFState: "connection closed early"
        case is HTTPParserError: "no valid HTTP"
        case let error as HTTPClientError where Self.endings.contains(error): "connection closed early"
        case let error as HTTPClientError where error == .connectTimeout: "connection timed out"
        case let error as HTTPClientError: error.shortDescription
        default: "\(type(of: error))"
        }
    }

    private static let endings: [HTTPClientError] = [.remoteConnectionClosed]

    private static func words(for error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first { return words(for: first.error) }
        return error.dnsAError == nil && error.dnsAAAAError == nil ? "no connection" : "host name not found"
    }

    /// The library tells causes in text only.
    private static func words(for error: NIOSSLError) -> String {
        if case .uncleanShutdown = error { return "connection closed early" }
        return "\(error)".contains("CERTIFICATE_VERIFY_FAILED") ? "certificate not trusted" : "TLS handshake failed"
    }

    private static func words(forErrno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE: "connection closed early"
        case EHOSTUNREACH, ENETUNREACH: "host not reachable"
        case ETIMEDOUT: "connection timed out"
        default: "socket error \(code)"
        }
    }
}
