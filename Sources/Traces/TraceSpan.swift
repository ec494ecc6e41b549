package import TokenExchange
import Tracing

/// A span that has ended.
///
/// What it says is made in this file, of names from the configuration, constants and the request's id: nothing else can
/// get into an attribute.
package struct TraceSpan: Sendable {
    /// Which span of which trace.
    package struct Place: Sendable {
        package let traceID: UInt128
        package let id: UInt64
        /// Nil for the first span of a trace.
        package let parentID: UInt64?

        package init(traceID: UInt128, id: UInt64, parentID: UInt64?) {
            self.traceID = traceID
            self.id = id
            self.parentID = parentID
        }
    }

    /// In nanoseconds of Unix time.
    package struct Period: Sendable {
        let start: UInt64
        let end: UInt64

        /// - Parameters:
        ///   - origin: Unix time where the monotonic clock is zero.
        ///   - start: by the monotonic clock, as `end`.
        package init(_ start: Duration, _ end: Duration, since origin: Duration) {
            self.start = Self.nanoseconds(origin + start)
            self.end = max(self.start, Self.nanoseconds(origin + end))
        }

        private static func nanoseconds(_ time: Duration) -> UInt64 {
            UInt64(clamping: time.components.seconds) * 1_000_000_000
                + UInt64(clamping: time.components.attoseconds / 1_000_000_000)
        }
    }

    let place: Place
    let isParentRemote: Bool
    let period: Period
    let name: String
    let kind: SpanKind
    let attributes: SpanAttributes
    let status: SpanStatus?
}

// MARK: - The request

extension TraceSpan {
    /// What there is to say of a request.
    package struct Request: Sendable {
        /// The path, with a name in braces for what varies in it; nil if no endpoint is there.
        package let route: String?
        package let method: String
        package let status: Int
        package let requestID: String
        package let identityProvider: ExactText?
        package let tenant: ExactText?
        /// How the login ended, in the metrics' words; nil if it was none.
        package let outcome: String?
        /// The code of the answer, and the precise reason behind it.
        package let error: (code: String, reason: String?)?
        package let failure: Failure?

        package init(
            route: String?, method: String, status: Int, requestID: String, identityProvider: ExactText?,
            tenant: ExactText?, outcome: String?, error: (code: String, reason: String?)?, failure: Failure?
        ) {
            self.route = route
            self.method = Self.methods.contains(ExactText(method)) ? method : "_OTHER"
            self.status = status
            self.requestID = requestID
            self.identityProvider = identityProvider
            self.tenant = tenant
            self.outcome = outcome
            self.error = error
            self.failure = failure
        }

        /// Those that OpenTelemetry knows.
        private static let methods: Set<ExactText> = [
            "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
        ]
    }

    /// The span of a whole request. Only our own failures are errors; a refusal is what the caller has to mend.
    package init(_ request: Request, at place: Place, _ period: Period) {
        self.place = place
        isParentRemote = place.parentID != nil
        self.period = period
        let verb = request.method == "_OTHER" ? "HTTP" : request.method
        name = request.route.map { "\(verb) \($0)" } ?? verb
        kind = .server
        status = request.status >= 500 ? SpanStatus(code: .error) : nil
        var attributes: SpanAttributes = [
            "http.request.method": .string(request.method),
            "http.response.status_code": .int64(Int64(request.status)),
            "countersign.request_id": .string(request.requestID),
        ]
        attributes.set("countersign.outcome", value: request.outcome.map { .string($0) })
        attributes.set("http.route", value: request.route.map { .string($0) })
        attributes.set("countersign.identity_provider", value: request.identityProvider.map { .string(String($0)) })
        attributes.set("countersign.tenant", value: request.tenant.map { .string(String($0)) })
        attributes.set("countersign.error_code", value: request.error.map { .string($0.code) })
        attributes.set("countersign.reason", value: request.error?.reason.map { .string($0) })
        if let failure = request.failure {
            attributes["error.type"] = failure.kind.rawValue
            attributes["countersign.operation"] = failure.operation
        } else if request.status >= 500 {
            attributes["error.type"] = request.error?.code ?? String(request.status)
        }
        self.attributes = attributes
    }
}

// MARK: - Its parts

extension TraceSpan {
    /// The span of a part of a request.
    /// - Parameters:
    ///   - failure: if this is the part that failed.
    ///   - store: the system that the session store is, if it is another server; nil if it is in this process.
    package init(
        _ phase: ExchangeReport.Phase, of provider: ExactText?, at place: Place, _ period: Period, failure: Failure?,
        store: String?
    ) {
        self.place = place
        isParentRemote = false
        self.period = period
        status = failure.map { _ in SpanStatus(code: .error) }
        var attributes = SpanAttributes([:])
        attributes.set("countersign.identity_provider", value: provider.map { .string(String($0)) })
        attributes.set("error.type", value: failure.map { .string($0.kind.rawValue) })
        switch phase {
        case .verify: (name, kind) = ("verify", .internal)
        case .mint: (name, kind) = ("mint", .internal)
        case .store:
            (name, kind) = ("store", store == nil ? .internal : .client)
            attributes.set("db.system.name", value: store.map { .string($0) })
        case .upstream: (name, kind) = ("internal service", .client)
        }
        self.attributes = attributes
    }
}

extension Failure {
    /// The part of an exchange that fails like this; nil if it may be any.
    package var phase: ExchangeReport.Phase? {
        switch kind {
        case .mintFailed: .mint
        case .upstreamRefused, .upstreamUnavailable: .upstream
        case .issuerKeysUnavailable: .verify
        case .sessionStoreUnavailable: .store
        case .deadlineExceeded: operation == "upstream" ? .upstream : nil
        }
    }
}
