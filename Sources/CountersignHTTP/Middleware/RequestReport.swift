import HTTPTypes
package import TokenExchange

/// Is told of every request of a listener once its answer is made, before it is sent. Runs on the request's event loop,
/// so it must not block.
package protocol RequestObserver: Sendable {
    func observe(_ report: RequestReport)
}

/// What there is to say about a request and its answer. Texts are constants or names from the configuration, except for
/// the request's id and what ``exchange``, ``session`` and ``ended`` hold.
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
    /// Of a revocation that was recorded.
    package let ended: EndedSessions?
    /// Of a login, if its request was understood.
    package let exchange: ExchangeReport?
    /// The live session that was asked about.
    package let session: SessionRecord?
    /// Nil unless the request is traced.
    package let span: RequestSpan?

    /// What requests have in common that count as the same. Everything in it comes from closed sets.
    package struct Kind: Hashable, Sendable {
        package let routeLabel: LabelValue
        package let status: Int
        package let error: ErrorCode?
        /// The precise reason behind the code.
        package let reasonLabel: LabelValue?
        package let provider: ConfiguredName?
        /// What an optional login went on in spite of.
        package let degradation: ErrorCode?

        package var route: String { routeLabel.text }
        package var reason: String? { reasonLabel?.text }
        package var identityProvider: ExactText? { provider?.text }
        package var degradedBy: String? { degradation?.rawValue }
    }

    package var duration: Duration { end - start }

    /// The sessions that the request has ended together.
    package var revoked: RevokedCohort? { if case .cohort(let revoked) = ended { revoked } else { nil } }

    /// Whether the caller got something wrong.
    package var isRefusal: Bool { 400..<500 ~= kind.status && failure == nil }

    package init(
        _ reply: Reply, _ problem: Problem?, requestID: String, source: RequestSource?, route: LabelValue,
        start: Duration, end: Duration, span: RequestSpan? = nil
    ) {
        let notes = reply.notes
        kind = Kind(
            routeLabel: route, status: reply.status.code, error: problem?.code,
            reasonLabel: problem?.reason, provider: problem?.identityProvider ?? notes.identityProvider,
            degradation: problem?.degradedBy ?? notes.degradedBy.map { ErrorCode($0.kind) })
        self.requestID = requestID
        self.span = span
        self.source = source
        self.start = start
        self.end = end
        tenant = notes.tenant
        verifier = problem?.verifier ?? notes.verifier
        failure = problem?.failure ?? notes.degradedBy
        clockDifference = problem?.clockDifference
        ended = problem == nil ? notes.ended : nil
        exchange = problem?.exchange ?? notes.exchange
        session = notes.session
    }
}
