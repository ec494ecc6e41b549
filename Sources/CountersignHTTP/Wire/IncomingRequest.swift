import HTTPTypes
package import TokenExchange

/// A request as routes see it: its head, where it comes from, and a body that is read when it is asked for.
package final class IncomingRequest: Sendable {
    let id: String
    let head: RequestHead
    let source: RequestSource?
    /// By the monotonic clock; the provider's deadline counts from here.
    let arrivedAt: Duration
    let delay: QueueingDelay
    /// Nil unless the request is traced.
    let span: RequestSpan?
    private let body: any RequestBody

    /// - Parameters:
    ///   - id: for the log and the header `X-Request-Id`.
    ///   - source: whose allowance it spends; nil if it has no address.
    ///   - span: nil unless the request is traced.
    package init(
        _ head: RequestHead, id: String, source: RequestSource?, arrivedAt: Duration, delay: QueueingDelay = .none,
        span: RequestSpan? = nil,
        body: any RequestBody
    ) {
        self.head = head
        self.id = id
        self.source = source
        self.arrivedAt = arrivedAt
        self.delay = delay
        self.span = span
        self.body = body
    }

    /// The path without the query.
    package var path: ExactText { head.path }

    /// The host that was asked for: ASCII in lower case, without port.
    var host: ExactText? { head.host }

    /// What internal services that we call for this request learn of it.
    var trace: RequestTrace {
        let context = TraceContext(head.headerFields)
        return RequestTrace(
            requestID: id, traceparent: span?.upstreamTraceparent ?? context?.traceparent,
            tracestate: context.flatMap { _ in TraceState.value(in: head.headerFields) })
    }

    /// Whether `Content-Type` names this media type. Its parameters are ignored, because JSON and forms have none.
    /// - Parameter expected: in lower case.
    func hasMediaType(_ expected: String) -> Bool {
        if head.headerFields.has(.contentType, expected) { return true }
        guard let value = head.headerFields[.contentType] else { return false }
        return value.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased() == expected
    }

    /// The whole body.
    ///
    /// - Parameter limit: in bytes. A body whose announced length is larger is refused before it is read.
    /// - Throws: a problem if the body is coded, too large, or does not arrive in time, or if the client hangs up.
    package func collectBody(upTo limit: Int) async throws -> [UInt8] {
        guard !isCoded else {
            throw Problem(.contentCoding).expecting(.plainBody)
                .with([.acceptEncoding: "identity"])
        }
        if let arrived = try body.arrived(upTo: limit) { return arrived }
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
///
/// Must be called on the event loop of the request's connection, where the request is answered.
package protocol RequestBody: Sendable {
    /// The whole body, if it has arrived with the head; most have. Nil if it has to be waited for.
    /// - Throws: ``Problem`` if there are more than `limit` bytes, or if they will not arrive.
    func arrived(upTo limit: Int) throws -> [UInt8]?

    /// The whole body.
    /// - Throws: ``Problem`` if there are more than `limit` bytes, or if they do not arrive.
    func collect(upTo limit: Int) async throws -> [UInt8]
}

extension RequestBody {
    package func arrived(upTo limit: Int) throws -> [UInt8]? { nil }
}
