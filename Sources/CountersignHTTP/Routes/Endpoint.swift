import HTTPTypes

/// One path of a listener: how it is reached, called and answered.
struct Endpoint: Sendable {
    enum Path: Sendable {
        case exactly(String)
        /// All paths that begin so.
        case below(String)

        func matches(_ path: Substring) -> Bool {
            switch self {
            case .exactly(let text): path == text
            case .below(let prefix): path.hasPrefix(prefix)
            }
        }
    }

    /// In metrics and the log.
    let name: String
    let path: Path
    /// `HEAD` is allowed where `GET` is.
    let methods: [HTTPRequest.Method]
    /// What the sentences for a bad request say of a good one.
    let form: RequestForm
    /// Whether a source without allowance is turned away before anything else. Endpoints that have to know more of the
    /// request first (whose login, which verifier) see to that themselves.
    var isLimited = false
    /// Whether problems have the form of RFC 6749 §5.2 instead of a problem document.
    var hasOAuthErrors = false
    /// Of problems.
    var headers: @Sendable (IncomingRequest) -> HTTPFields = { _ in [:] }
    let answer: @Sendable (IncomingRequest) async throws(Problem) -> Reply

    init(
        _ name: String, _ path: Path, _ methods: [HTTPRequest.Method], _ form: RequestForm = .http,
        answer: @escaping @Sendable (IncomingRequest) async throws(Problem) -> Reply
    ) {
        self.name = name
        self.path = path
        self.methods = methods.contains(.get) ? methods + [.head] : methods
        self.form = form
        self.answer = answer
    }

    /// The same, for sources that have an allowance left.
    var limited: Endpoint {
        var endpoint = self
        endpoint.isLimited = true
        return endpoint
    }

    /// The same, with the problems of OAuth.
    var withOAuthErrors: Endpoint {
        var endpoint = self
        endpoint.hasOAuthErrors = true
        return endpoint
    }

    func withHeaders(_ headers: @escaping @Sendable (IncomingRequest) -> HTTPFields) -> Endpoint {
        var endpoint = self
        endpoint.headers = headers
        return endpoint
    }
}

/// What one listener answers. The first endpoint with a path counts.
struct EndpointTable: Sendable {
    /// Of paths that lead nowhere.
    static let nameOfOthers = "other"

    private let endpoints: [Endpoint]
    private let limiter: RateLimiter

    init(_ endpoints: [Endpoint], limiter: RateLimiter) {
        self.endpoints = endpoints
        self.limiter = limiter
    }

    func name(of path: Substring) -> String { endpoint(at: path)?.name ?? Self.nameOfOthers }

    func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        guard let endpoint = endpoint(at: request.path) else { throw Problem(.notFound) }
        do throws(Problem) {
            try request.expect(endpoint.methods)
            if endpoint.isLimited { try limiter.admit(request) }
            return try await endpoint.answer(request)
        } catch {
            let problem = error.expecting(endpoint.form).with(endpoint.headers(request))
            throw endpoint.hasOAuthErrors ? problem.asOAuth() : problem
        }
    }

    private func endpoint(at path: Substring) -> Endpoint? { endpoints.first { $0.path.matches(path) } }
}

extension IncomingRequest {
    /// - Throws: a problem with the `Allow` header (RFC 9110 §15.5.6).
    fileprivate func expect(_ methods: [HTTPRequest.Method]) throws(Problem) {
        guard methods.contains(head.method) else {
            throw Problem(.methodNotAllowed).with([.allow: methods.map(\.rawValue).joined(separator: ", ")])
        }
    }
}
