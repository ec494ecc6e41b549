import HTTPTypes
package import TokenExchange

/// Is told of every request of a listener once its answer is made, before it is sent. Runs on the request's event loop,
/// so it must not block.
package protocol RequestObserver: Sendable {
    func observe(_ report: RequestReport)
}

/// What there is to say about a request and its answer. Texts are constants or names from the configuration, except for
/// the request's id and what only ``exchange`` holds.
package struct RequestReport: Sendable {
    package let kind: Kind
    package let requestID: String
    /// Nil if the client has no address.
    package let source: RequestSource?
    /// From the request's head to its answer, by ``TimeSource/elapsed``.
    package let start: Duration
    package let end: Duration
    package let tenant: ExactText?
    package let verifier: ExactText?
    /// What went wrong on our side, also if an optional login went on.
    package let failure: Failure?
    /// If a token's time was wrong: our clock minus the time in the token.
    package let clockDifference: Duration?
    /// Of a login, if its request was understood.
    package let exchange: ExchangeReport?

    /// What requests have in common that count as the same. Everything in it comes from closed sets.
    package struct Kind: Hashable, Sendable {
        package let route: String
        package let status: Int
        package let error: ErrorCode?
        /// The precise reason behind the code.
        package let reason: String?
        package let identityProvider: ExactText?
        package let degradedBy: String?
    }

    package var duration: Duration { end - start }

    /// Whether the caller got something wrong.
    package var isRefusal: Bool { 400..<500 ~= kind.status && failure == nil }

    init(
        _ reply: Reply, _ problem: Problem?, requestID: String, source: RequestSource?, route: String, start: Duration,
        end: Duration
    ) {
        kind = Kind(
            route: reply.notes.route ?? route, status: reply.status.code, error: problem?.code, reason: problem?.reason,
            identityProvider: problem?.identityProvider ?? reply.notes.identityProvider,
            degradedBy: problem?.degradedBy?.rawValue ?? reply.notes.degradedBy?.kind.rawValue)
        self.requestID = requestID
        self.source = source
        self.start = start
        self.end = end
        tenant = reply.notes.tenant
        verifier = problem?.verifier ?? reply.notes.verifier
        failure = problem?.failure ?? reply.notes.degradedBy
        clockDifference = problem?.clockDifference
        exchange = problem?.exchange ?? reply.notes.exchange
    }
}
