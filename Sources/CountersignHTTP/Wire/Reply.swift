package import HTTPTypes
package import TokenExchange

/// An answer: status, headers and body, and what the log says about it. Each request has one of its own. A class, because
/// it is handed up through functions that may wait, and each of their frames would have room for all of it.
package final class Reply {
    package let status: HTTPResponse.Status
    package var headers: HTTPFields
    package let body: [UInt8]
    /// What every answer says besides: the request's id, and when it was answered. Set once that is known.
    var stamp = (requestID: "", date: "")
    /// What the log says besides status and duration: names from the configuration, and failures.
    package var notes = Notes()

    /// Nothing in here is sent.
    package struct Notes {
        /// The name of the endpoint that made it; nil for that of the path.
        package var route: LabelValue?
        package var identityProvider: ConfiguredName?
        package var tenant: ExactText?
        package var verifier: ExactText?
        /// Of a login, from the moment its request is understood.
        package var exchange: ExchangeReport?
        /// The session that the answer is about.
        package var session: SessionRecord?
        /// The sessions that the request has ended.
        package var ended: EndedSessions?
        /// A failure that the answer does not show as an error (optional mode).
        package var degradedBy: Failure?
    }

    package init(status: HTTPResponse.Status, headers: HTTPFields, body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// - Parameter body: JSON text.
    package static func json(
        _ body: [UInt8], status: HTTPResponse.Status = .ok, cacheControl: String = "no-store"
    ) -> Reply {
        let reply = Reply(status: status, headers: uncachedJSON, body: body)
        if cacheControl != "no-store" { reply.headers[.cacheControl] = cacheControl }
        return reply
    }

    private static let uncachedJSON: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
}
