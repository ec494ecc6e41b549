import HTTPTypes
package import TokenExchange

/// What the operations listener answers: is the process alive, can it serve, and how to talk to it.
package struct OperationsRoutes: Routes {
    private let readiness: @Sendable () async -> Readiness
    private let metrics: @Sendable () -> String
    private let revocations: CohortRevocationRoute
    private let access: VerifierAccess

    /// - Parameters:
    ///   - metrics: the numbers of the moment as Prometheus text.
    ///   - verifiers: those of the moment.
    ///   - isConfigured: whether there can be such a cohort by the configuration of the moment.
    package init(
        readiness: @escaping @Sendable () async -> Readiness, metrics: @escaping @Sendable () -> String,
        revocations: RevocationList, verifiers: @escaping @Sendable () -> VerifierDirectory,
        isConfigured: @escaping @Sendable (Cohort) -> Bool, bodyLimit: Int, limiter: RateLimiter
    ) {
        self.readiness = readiness
        self.metrics = metrics
        self.revocations = CohortRevocationRoute(
            revocations: revocations, isConfigured: isConfigured, bodyLimit: bodyLimit)
        access = VerifierAccess(verifiers: verifiers, limiter: limiter)
    }

    /// By probes and scrapes, every few seconds.
    package static let asked = ["livez", "readyz", "metrics", "openapi"]

    package func name(of path: Substring) -> String {
        switch path {
        case "/livez": "livez"
        case "/readyz": "readyz"
        case "/metrics": "metrics"
        case "/openapi.yaml": "openapi"
        case "/revocations": "revocations"
        default: "other"
        }
    }

    package func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        switch request.path {
        case "/livez":
            try request.expect(.get)
            return .json(Array(#"{"status":"alive"}"#.utf8))
        case "/readyz":
            try request.expect(.get)
            let readiness = await readiness()
            return .json(readiness.text, status: readiness.status.isGood ? .ok : .serviceUnavailable)
        case "/metrics":
            try request.expect(.get)
            return Reply(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: Array(metrics().utf8))
        case "/revocations":
            try request.expect(.post)
            return try await access.reply(to: request) { verifier throws(Problem) in
                try await revocations.reply(to: request, from: verifier)
            }
        case "/openapi.yaml":
            try request.expect(.get)
            return Reply(
                status: .ok, headers: [.contentType: "application/yaml", .cacheControl: "no-cache"],
                body: Array(OpenAPIDocument.text.utf8))
        default: throw Problem(.notFound)
        }
    }
}

/// Whether logins would succeed now, component by component.
package struct Readiness: Sendable {
    package enum Status: String, Sendable {
        case ready
        /// Only optional identity providers suffer.
        case degraded
        case unavailable
        /// The process is leaving. Requests are served as before; no new ones should be sent.
        case draining

        var isGood: Bool { self == .ready || self == .degraded }
    }

    package struct Component: Sendable {
        package let name: String
        package let status: Status
        /// What is wrong, in words; nil if nothing is.
        package let detail: String?

        package init(name: String, status: Status, detail: String? = nil) {
            self.name = name
            self.status = status
            self.detail = detail
        }
    }

    /// Of a process that is leaving: how its components are does not matter any more.
    package static let draining = Readiness(components: [Component(name: "process", status: .draining)])

    package let components: [Component]

    package init(components: [Component]) {
        self.components = components
    }

    /// The worst of all.
    package var status: Status {
        let statuses = components.map(\.status)
        return [.draining, .unavailable, .degraded].first(where: statuses.contains) ?? .ready
    }

    var text: [UInt8] {
        JSONValue.object([
            .init("status", .string(status.rawValue)),
            .init("components", .object(components.map { .init(ExactText($0.name), $0.value) })),
        ]).text
    }
}

extension Readiness.Component {
    fileprivate var value: JSONValue {
        .object([.init("status", .string(status.rawValue))] + (detail.map { [.init("detail", .string($0))] } ?? []))
    }
}
