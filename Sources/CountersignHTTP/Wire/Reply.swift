package import HTTPTypes
package import TokenExchange

/// An answer: status, headers and body, and what the log says about it.
package struct Reply {
    package var status: HTTPResponse.Status
    package var headers: HTTPFields = [:]
    package var body: [UInt8] = []
    /// What the log says besides status and duration: names from the configuration, and failures.
    package var notes = Notes()

    /// Nothing in here is sent.
    package struct Notes {
        /// The endpoint's name, if it is not that of the path.
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

    /// - Parameter body: JSON text.
    package static func json(
        _ body: [UInt8], status: HTTPResponse.Status = .ok, cacheControl: String = "no-store"
    ) -> Reply {
        var reply = Reply(status: status, headers: uncachedJSON, body: body)
        if cacheControl != "no-store" { reply.headers[.cacheControl] = cacheControl }
        return reply
    }

    private static let uncachedJSON: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
}
