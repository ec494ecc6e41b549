import NIOHTTP1

/// The server that a URL names.
package struct OutboundOrigin: Sendable, Hashable {
    package let isTLS: Bool
    /// In lower case, an IPv6 address without brackets.
    package let host: String
    package let port: Int
}

/// An absolute http or https URL, taken apart as far as a request needs it.
package struct OutboundURL: Sendable, Hashable {
    package let origin: OutboundOrigin
    /// As a `Host` header has it.
    let authority: String
    /// Path and query.
    let target: String

    /// Nil if the text is no such URL. What the configuration has checked is not checked again.
    package init?(_ text: String) {
        guard let colon = text.firstRange(of: "://"),
            let isTLS = ["https": true, "http": false][text[..<colon.lowerBound].lowercased()]
        else { return nil }
        let authority = text[colon.upperBound...].prefix { !"/?#".contains($0) }
        let isBracketed = authority.hasPrefix("[")
        let host = authority.dropFirst(isBracketed ? 1 : 0).prefix { $0 != (isBracketed ? "]" : ":") }
        let digits = authority.dropFirst(host.count + (isBracketed ? 2 : 0)).dropFirst()
        guard !host.isEmpty, let port = digits.isEmpty ? (isTLS ? 443 : 80) : Int(digits), (1...65535).contains(port)
        else { return nil }
        origin = OutboundOrigin(isTLS: isTLS, host: host.lowercased(), port: port)
        self.authority = String(authority)
        let target = text[authority.endIndex...].prefix { $0 != "#" }
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }
}

/// One request, whole.
package struct OutboundRequest: Sendable {
    /// Nil if its URL cannot be read.
    let origin: OutboundOrigin?
    /// Path and query.
    let target: String
    let method: HTTPMethod
    let headers: HTTPHeaders
    /// Nil for none.
    let body: [UInt8]?
    /// Whether it does no harm to send it twice (RFC 9110 §9.2.2).
    let isIdempotent: Bool

    /// - Parameters:
    ///   - headers: without `Host`, `Content-Length` and `Accept-Encoding`, which follow from the rest; `User-Agent` is ours
    ///     unless they have another.
    ///   - isIdempotent: whether it is so by agreement, although its method does not say so.
    package init(
        _ method: String, _ url: String, headers: [(name: String, value: String)], body: [UInt8]? = nil,
        isIdempotent: Bool = false
    ) {
        let url = OutboundURL(url)
        origin = url?.origin
        target = url?.target ?? "/"
        self.method = HTTPMethod(rawValue: method)
        var fields = HTTPHeaders([("Host", url?.authority ?? ""), ("Accept-Encoding", "identity")])
        for (name, value) in headers { fields.add(name: name, value: value) }
        if !fields.contains(name: "User-Agent") { fields.add(name: "User-Agent", value: BuildInformation.userAgent) }
        if let body { fields.add(name: "Content-Length", value: String(body.count)) }
        self.headers = fields
        self.body = body
        self.isIdempotent = isIdempotent || ["GET", "PUT"].contains(method)
    }
}

/// What an answer may have at most.
package struct AnswerLimits: Sendable, Hashable {
    /// Of all that is not body: status line, headers, informational answers before it, trailers.
    package let headBytes: Int
    /// Of the body, decoded.
    package let bodyBytes: Int
    /// How many times larger than what was sent a body may become by being decoded.
    static let expansion = 100

    /// Both in bytes.
    package init(headBytes: Int, bodyBytes: Int) {
        self.headBytes = headBytes
        self.bodyBytes = bodyBytes
    }
}

/// A whole answer, within its limits; a coded body is decoded.
package struct OutboundAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]
    private let headers: HTTPHeaders

    /// `head` is the one that counts, after informational ones.
    init(_ head: HTTPResponseHead, body: [UInt8]) {
        status = Int(head.status.code)
        headers = head.headers
        self.body = body
    }

    /// The first of that name.
    package func header(_ name: String) -> String? { headers.first(name: name) }
}
