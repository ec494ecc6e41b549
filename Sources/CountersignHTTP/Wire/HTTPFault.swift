/// Why bytes on a connection are not a request. A closed set, for logs and metrics.
package enum HTTPFault: String, Error, CaseIterable {
    /// Not an HTTP method, a target and a version with one blank between them.
    case requestLineMalformed = "request_line_malformed"
    case versionNotSupported = "version_not_supported"
    case targetMalformed = "target_malformed"
    case fieldMalformed = "field_malformed"
    case headTooLarge = "head_too_large"
    /// The head did not arrive in time, or the client closed the connection before its end.
    case headIncomplete = "head_incomplete"
    case hostMissing = "host_missing"
    case hostTwice = "host_twice"
    case hostMalformed = "host_malformed"
    case contentLengthMalformed = "content_length_malformed"
    /// Anything but `chunked`, or `chunked` in HTTP/1.0.
    case transferEncodingNotSupported = "transfer_encoding_not_supported"
    /// `Content-Length` and `Transfer-Encoding` in one request: two readers could see two requests (RFC 9112 §6.3).
    case lengthTwice = "length_twice"
    case chunkMalformed = "chunk_malformed"
    case trailersTooLarge = "trailers_too_large"
    /// The body did not arrive in time, or the client closed the connection before its end.
    case bodyIncomplete = "body_incomplete"
}

extension HTTPFault {
    package var code: ErrorCode {
        switch self {
        case .headTooLarge, .trailersTooLarge: .headTooLarge
        case .bodyIncomplete, .chunkMalformed, .requestLineMalformed, .versionNotSupported, .targetMalformed,
            .fieldMalformed, .headIncomplete, .hostMissing, .hostTwice, .hostMalformed, .contentLengthMalformed,
            .transferEncodingNotSupported, .lengthTwice:
            .invalidRequest
        }
    }

    /// What a good request looks like.
    var expected: RequestForm { self == .bodyIncomplete || self == .chunkMalformed ? .wholeBody : .http }
}
