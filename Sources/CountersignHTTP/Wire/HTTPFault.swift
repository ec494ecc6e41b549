/// Why what came over a connection is not answered as a request. A closed set, for logs and metrics.
package enum HTTPFault: String, Error, CaseIterable {
    /// No method of HTTP, target and version with one blank between them.
    case requestLineMalformed = "request_line_malformed"
    case versionNotSupported = "version_not_supported"
    case targetMalformed = "target_malformed"
    case fieldMalformed = "field_malformed"
    case headTooLarge = "head_too_large"
    /// It did not come in time, or its sender closed before its end.
    case headIncomplete = "head_incomplete"
    case hostMissing = "host_missing"
    case hostTwice = "host_twice"
    case hostMalformed = "host_malformed"
    case contentLengthMalformed = "content_length_malformed"
    /// Another than `chunked`, or one in HTTP/1.0.
    case transferEncodingNotSupported = "transfer_encoding_not_supported"
    /// `Content-Length` and `Transfer-Encoding` in one request: two readers could see two requests (RFC 9112 §6.3).
    case lengthTwice = "length_twice"
    case chunkMalformed = "chunk_malformed"
    case trailersTooLarge = "trailers_too_large"
    /// It did not come in time, or its sender closed before its end.
    case bodyIncomplete = "body_incomplete"
}

extension Problem {
    /// RFC 6585 §5 has 431 for heads and trailers that are too large; the rest is 400.
    init(_ fault: HTTPFault) {
        switch fault {
        case .headTooLarge, .trailersTooLarge: self.init(.headTooLarge, reason: fault.rawValue)
        case .bodyIncomplete, .chunkMalformed:
            self = Problem(.invalidRequest, reason: fault.rawValue).expecting(.wholeBody)
        case .requestLineMalformed, .versionNotSupported, .targetMalformed, .fieldMalformed, .headIncomplete,
            .hostMissing, .hostTwice, .hostMalformed, .contentLengthMalformed, .transferEncodingNotSupported,
            .lengthTwice:
            self = Problem(.invalidRequest, reason: fault.rawValue).expecting(.http)
        }
    }
}
