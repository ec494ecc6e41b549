import HTTPTypes
import TokenExchange

/// One row of a listener's table: a path, the methods that it takes, and how it answers. A class, because every request
/// holds a reference to one.
final class Endpoint: Sendable {
    /// Compared by bytes; a path that ends in another slash is another path.
    enum Path: Sendable {
        case exactly(ExactText)
        /// All paths with this prefix.
        case below(ExactText)
    }

    /// What metrics and the log call it.
    let name: LabelValue
    let path: Path
    /// `HEAD` is allowed where `GET` is.
    let methods: [HTTPRequest.Method]
    /// Which sentence a bad request is answered with.
    let form: RequestForm
    /// Whether a source without allowance is turned away before anything else. Endpoints that must first know more
    /// about the request (whose login, which verifier) check the allowance themselves.
    let isLimited: Bool
    /// Whether problems have the form of RFC 6749 §5.2 instead of a problem document.
    let hasOAuthErrors: Bool
    /// Headers that every problem of this endpoint has.
    let headers: @Sendable (IncomingRequest) -> HTTPFields
    /// Throws a ``Problem``, or an error that one can be made of.
    let answer: @Sendable (IncomingRequest) async throws -> Reply

    /// - Parameter methods: `HEAD` is added if `GET` is among them.
    init(
        _ name: LabelValue, _ path: Path, _ methods: [HTTPRequest.Method], _ form: RequestForm = .http,
        isLimited: Bool = false, hasOAuthErrors: Bool = false,
        headers: @escaping @Sendable (IncomingRequest) -> HTTPFields = { _ in [:] },
        answer: @escaping @Sendable (IncomingRequest) async throws -> Reply
    ) {
        self.name = name
        self.path = path
        self.methods = methods.contains(.get) ? methods + [.head] : methods
        self.form = form
        self.isLimited = isLimited
        self.hasOAuthErrors = hasOAuthErrors
        self.headers = headers
        self.answer = answer
    }
}

/// All endpoints of one listener. If several have a path, the first one answers; one with a prefix of it only if none has
/// the path itself.
///
/// Refusals (4xx) spend the allowance of the caller's source. Success and our own failures spend nothing. Whether the
/// source is barred is checked by the endpoints, before they do anything costly.
///
/// A class, so that the frames of functions that wait hold no copy of it.
final class EndpointTable: Sendable {
    /// What metrics and the log call a path without an endpoint.
    static let nameOfOthers: LabelValue = "other"

    private let exact: [ExactText: Endpoint]
    private let below: [(prefix: ExactText, endpoint: Endpoint)]
    private let limiter: RateLimiter
    private let frontPage: Page

    /// - Parameters:
    ///   - limiter: knows which sources have an allowance left.
    ///   - frontPage: for a browser at `/`.
    init(_ endpoints: [Endpoint], limiter: RateLimiter, frontPage: Page) {
        var exact: [ExactText: Endpoint] = [:]
        var below: [(ExactText, Endpoint)] = []
        for endpoint in endpoints {
            switch endpoint.path {
            case .exactly(let path): exact[path] = exact[path] ?? endpoint
            case .below(let prefix): below.append((prefix, endpoint))
            }
        }
        self.exact = exact
        self.below = below
        self.limiter = limiter
        self.frontPage = frontPage
    }

    /// The name of the endpoint at `path`, or ``nameOfOthers``.
    func name(of path: ExactText) -> LabelValue { endpoint(at: path)?.name ?? Self.nameOfOthers }

    /// Whatever the endpoint throws becomes a problem here: with its sentence, headers and form.
    /// - Throws: the ``Problem``, or `rate_limited` if the source cannot afford to learn it.
    func reply(to request: IncomingRequest) async throws -> Reply {
        if request.opensFrontPage { return frontPageReply() }
        let endpoint = try endpoint(for: request)
        do {
            try check(request, at: endpoint)
            let reply = try await endpoint.answer(request)
            reply.notes.route = endpoint.name
            return reply
        } catch { throw problem(error, of: endpoint, request) }
    }

    // What does not wait is not inlined: what it needs for a moment would be kept in the frame of ``reply(to:)``.

    @inline(never)
    private func frontPageReply() -> Reply {
        let reply = frontPage.reply
        reply.notes.route = FrontPage.name
        return reply
    }

    @inline(never)
    private func endpoint(for request: IncomingRequest) throws -> Endpoint {
        guard let endpoint = endpoint(at: request.path) else { throw spending(Problem(.notFound), request.source) }
        return endpoint
    }

    @inline(never)
    private func check(_ request: IncomingRequest, at endpoint: Endpoint) throws {
        try request.expect(endpoint.methods)
        if endpoint.isLimited { try limiter.check(request.source) }
    }

    @inline(never)
    private func problem(_ error: any Error, of endpoint: Endpoint, _ request: IncomingRequest) -> any Error {
        let problem = Problem(error).expecting(endpoint.form).with(endpoint.headers(request))
        return spending(endpoint.hasOAuthErrors ? problem.asOAuth() : problem, request.source)
    }

    private func spending(_ problem: Problem, _ source: RequestSource?) -> Problem {
        guard problem.spendsAllowance else { return problem }
        do { try limiter.spend(source, reason: problem.reason ?? LabelValue(problem.code)) } catch {
            return problem.limited(by: error)
        }
        return problem
    }

    private func endpoint(at path: ExactText) -> Endpoint? {
        exact[path] ?? below.first { path.hasPrefix($0.prefix) }?.endpoint
    }
}

extension IncomingRequest {
    /// - Throws: a problem with the `Allow` header (RFC 9110 §15.5.6) if the method is none of these.
    fileprivate func expect(_ methods: [HTTPRequest.Method]) throws {
        guard methods.contains(head.method) else {
            throw Problem(.methodNotAllowed).with([.allow: methods.map(\.rawValue).joined(separator: ", ")])
        }
    }
}
