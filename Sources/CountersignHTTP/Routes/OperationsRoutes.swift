import HTTPTypes
package import TokenExchange

/// What the operations listener answers: is the process alive, can it serve, and how to talk to it.
package struct OperationsRoutes: Routes {
    private let endpoints: EndpointTable

    /// - Parameters:
    ///   - metrics: the numbers of the moment as Prometheus text.
    ///   - verifiers: those of the moment.
    ///   - isConfigured: whether there can be such a cohort by the configuration of the moment.
    package init(
        readiness: @escaping @Sendable () async -> Readiness, metrics: @escaping @Sendable () -> String,
        revocations: RevocationList, verifiers: @escaping @Sendable () -> VerifierDirectory,
        isConfigured: @escaping @Sendable (Cohort) -> Bool, bodyLimit: Int, limiter: RateLimiter
    ) {
        let revocation = CohortRevocationRoute(
            revocations: revocations, isConfigured: isConfigured, bodyLimit: bodyLimit)
        let access = VerifierAccess(verifiers: verifiers, limiter: limiter)
        endpoints = EndpointTable(
            [
                Endpoint("livez", .exactly("/livez"), [.get]) { _ in .json(Array(#"{"status":"alive"}"#.utf8)) },
                Endpoint("readyz", .exactly("/readyz"), [.get]) { _ in
                    let readiness = await readiness()
                    return .json(readiness.text, status: readiness.status.isGood ? .ok : .serviceUnavailable)
                },
                Endpoint("metrics", .exactly("/metrics"), [.get]) { _ in
                    Reply(
                        status: .ok,
                        headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                        body: Array(metrics().utf8))
                },
                Endpoint("revocations", .exactly("/revocations"), [.post], .cohort) { request throws(Problem) in
                    try await access.reply(to: request, by: revocation.reply)
                },
                Endpoint("openapi", .exactly("/openapi.yaml"), [.get]) { _ in
                    Reply(
                        status: .ok, headers: [.contentType: "application/yaml", .cacheControl: "no-cache"],
                        body: PackageResources.openapi_yaml)
                },
            ], limiter: limiter)
    }

    /// By probes and scrapes, every few seconds.
    package static let asked = ["livez", "readyz", "metrics", "openapi"]

    package func name(of path: Substring) -> String { endpoints.name(of: path) }

    package func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        try await endpoints.reply(to: request)
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
