import HTTPTypes
package import TokenExchange

/// A request as the routes see it.
package struct IncomingRequest: Sendable {
    let id: String
    let head: RequestHead
    let source: RequestSource?
    /// By the monotonic clock; deadlines count from here.
    let arrivedAt: Duration
    private let body: any RequestBody

    package init(
        _ head: RequestHead, id: String, source: RequestSource?, arrivedAt: Duration, body: any RequestBody
    ) {
        self.head = head
        self.id = id
        self.source = source
        self.arrivedAt = arrivedAt
        self.body = body
    }

    /// Without the query.
    package var path: Substring { head.path[...] }

    /// The host that was asked for: ASCII in lower case, without port.
    var host: ExactText? { head.host }

    /// What goes on to services that we ask on behalf of this request.
    var trace: RequestTrace {
        RequestTrace(
            requestID: id,
            traceparent: head.headerFields[.traceparent].flatMap { TraceParent.isWellFormed($0) ? $0 : nil })
    }

    /// Whether the content is of this media type, in lower case; parameters are ignored, since JSON and forms have none.
    func hasMediaType(_ expected: String) -> Bool {
        guard let value = head.headerFields[.contentType] else { return false }
        if value == expected { return true }
        return value.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased() == expected
    }

    /// The whole body.
    ///
    /// - Throws: ``Problem`` if it is coded; if it is larger than `limit`, before reading it where its length was announced;
    ///   if it does not arrive in time, or the caller hangs up.
    package func collectBody(upTo limit: Int) async throws(Problem) -> [UInt8] {
        guard !isCoded else {
            throw Problem(.unsupportedMediaType, reason: "content_coding").expecting(.plainBody)
                .with([.acceptEncoding: "identity"])
        }
        return try await body.collect(upTo: limit)
    }

    /// Whether the body is compressed or otherwise coded (RFC 9110 §8.4).
    private var isCoded: Bool {
        guard let codings = head.headerFields[.contentEncoding] else { return false }
        return codings.split(separator: ",").contains { coding in
            !ASCII.isEqual(coding.utf8.filter { !ASCII.isBlank($0) }, lowercased: "identity".utf8)
        }
    }
}

/// Where the body of a request comes from.
package protocol RequestBody: Sendable {
    /// All of it; to be called where the request is answered, on its connection's event loop.
    /// - Throws: ``Problem`` if there is more than `limit`, or if it does not arrive.
    func collect(upTo limit: Int) async throws(Problem) -> [UInt8]
}
