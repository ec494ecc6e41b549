import HTTPTypes
package import TokenExchange

/// The outermost layer of a listener: gives a request its id, has it answered, renders problems, and reports each request
/// once.
package final class RequestConductor: Sendable {
    private let routes: any Routes
    private let sources: RequestSources
    private let time: TimeSource
    private let observers: [any RequestObserver]
    private let tracer: (any RequestTracer)?
    private let date = HTTPDateCache()

    /// - Parameters:
    ///   - sources: finds out who sends a request.
    ///   - observers: are told of every request once its answer is made.
    ///   - tracer: nil if no request is traced.
    package init(
        routes: any Routes, sources: RequestSources, time: TimeSource, observers: [any RequestObserver] = [],
        tracer: (any RequestTracer)? = nil
    ) {
        self.sources = sources
        self.tracer = tracer
        self.observers = observers
        self.routes = routes
        self.time = time
    }

    /// The request with this head, which arrives now.
    /// - Parameters:
    ///   - peer: the address at the other end of the connection; nil if it has none.
    ///   - delay: how long it has to wait for its event loop.
    func request(
        _ head: RequestHead, from peer: IPAddress?, delay: QueueingDelay, body: any RequestBody
    ) -> IncomingRequest {
        IncomingRequest(
            head, id: RequestID.choose(incoming: head.headerFields[.requestID]),
            source: sources.source(of: head.headerFields, from: peer), arrivedAt: time.elapsed(),
            delay: delay, span: tracer?.span(TraceContext(head.headerFields), method: head.method.rawValue),
            body: body)
    }

    /// Never throws: a problem becomes an answer.
    func answer(_ request: IncomingRequest) async -> Reply {
        let routes = routes.current
        let result: Result<Reply, any Error>
        do { result = .success(try await routes.reply(to: request)) } catch { result = .failure(error) }
        return report(result, of: request, by: routes)
    }

    /// Not inlined: what it needs for a moment would be kept in the frame of ``answer(_:)``.
    @inline(never)
    private func report(_ result: Result<Reply, any Error>, of request: IncomingRequest, by routes: any Routes) -> Reply
    {
        let reply: Reply
        let problem: Problem?
        switch result {
        case .success(let made): (reply, problem) = (made, nil)
        case .failure(let error):
            let made = Problem(error)
            (reply, problem) = (made.reply(requestID: request.id), made)
        }
        return report(
            reply, problem, requestID: request.id, source: request.source,
            route: reply.notes.route ?? routes.name(of: request.path), since: request.arrivedAt, span: request.span)
    }

    /// The answer to bytes that are not a request.
    func refuse(_ fault: HTTPFault, from peer: IPAddress?) -> Reply {
        let id = RequestID.choose(incoming: nil)
        let problem = Problem(fault)
        return report(
            problem.reply(requestID: id), problem, requestID: id, source: peer.map(RequestSource.init), route: "other",
            since: time.elapsed())
    }

    /// Tells the observers; returns the answer with the headers that every answer has.
    private func report(
        _ reply: Reply, _ problem: Problem?, requestID: String, source: RequestSource?, route: LabelValue,
        since start: Duration, span: RequestSpan? = nil
    ) -> Reply {
        let report = RequestReport(
            reply, problem, requestID: requestID, source: source, route: route, start: start, end: time.elapsed(),
            span: span)
        for observer in observers { observer.observe(report) }
        reply.stamp = (requestID, date.value(at: time.now()))
        return reply
    }
}
