import HTTPTypes
package import TokenExchange

/// The endpoints of the operations listener: liveness, readiness, metrics, the status page, revocation of many sessions,
/// the API's document.
package struct OperationsRoutes: Routes {
    private let endpoints: EndpointTable
    private let secret: @Sendable () -> OperationsSecret?
    private let limiter: RateLimiter

    /// - Parameters:
    ///   - metrics: the current numbers as Prometheus text.
    ///   - status: the page for operators, as things are now.
    ///   - verifiers: those of the current configuration.
    ///   - isConfigured: whether the current configuration has what a cohort names.
    ///   - bodyLimit: in bytes.
    ///   - version: of the program, for `/readyz`; nil to leave it out.
    ///   - secret: what requests must present now; nil if they need nothing.
    package init(
        readiness: @escaping @Sendable () async -> Readiness, metrics: @escaping @Sendable () async -> String,
        status: @escaping @Sendable () async -> Page, revocations: RevocationList,
        verifiers: @escaping @Sendable () -> VerifierDirectory,
        isConfigured: @escaping @Sendable (Cohort) -> Bool, bodyLimit: Int, limiter: RateLimiter,
        version: StaticString? = nil, secret: @escaping @Sendable () -> OperationsSecret? = { nil }
    ) {
        self.secret = secret
        self.limiter = limiter
        let revocation = CohortRevocationRoute(
            revocations: revocations, isConfigured: isConfigured, bodyLimit: bodyLimit)
        let access = VerifierAccess(verifiers: verifiers, limiter: limiter)
        endpoints = EndpointTable(
            [
                Endpoint("livez", .exactly("/livez"), [.get]) { _ in .json(Array(#"{"status":"alive"}"#.utf8)) },
                Endpoint("readyz", .exactly("/readyz"), [.get]) { request in
                    let readiness = await readiness()
                    let isTrusted = secret().map { $0.isPresented(by: request) } ?? true
                    return .json(
                        isTrusted ? readiness.text(version) : readiness.statusText,
                        status: readiness.status.isGood ? .ok : .serviceUnavailable)
                },
                Endpoint("metrics", .exactly("/metrics"), [.get]) { _ in
                    Reply(
                        status: .ok,
                        headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                        body: Array(await metrics().utf8))
                },
                Endpoint("status", .exactly("/status"), [.get]) { _ in await status().reply },
                Endpoint("revocations", .exactly("/revocations"), [.post], .cohort) {
                    try await access.reply(to: $0, by: revocation.reply)
                },
                Endpoint("openapi", .exactly("/openapi.yaml"), [.get]) { _ in
                    Reply(
                        status: .ok, headers: [.contentType: "application/yaml", .cacheControl: "no-cache"],
                        body: PackageResources.openapi_yaml)
                },
            ], limiter: limiter, frontPage: FrontPage.operations)
    }

    /// Endpoints that probes and scrapes ask every few seconds.
    package static let asked = ["livez", "readyz", "metrics", "openapi"]

    /// Endpoints that need no secret: probes of load balancers and of Kubernetes have none, and `/revocations` asks for a
    /// verifier's own in the same header.
    private static let unguarded: Set<LabelValue> = ["livez", "readyz", "revocations"]

    package func name(of path: ExactText) -> LabelValue { endpoints.name(of: path) }

    package func reply(to request: IncomingRequest) async throws -> Reply {
        if let secret = secret(), !Self.unguarded.contains(name(of: request.path)) {
            try secret.check(request, limiter)
        }
        return try await endpoints.reply(to: request)
    }
}

/// Whether logins would succeed now, component by component.
package struct Readiness: Sendable {
    /// From best to worst, except that a process that is leaving is always `draining`.
    package enum Status: String, Sendable, CaseIterable {
        case ready
        /// Only optional identity providers suffer.
        case degraded
        case unavailable
        /// The process is leaving. Requests are served as before; no new ones should be sent.
        case draining

        /// Whether load balancers should send requests here.
        package var isGood: Bool { self == .ready || self == .degraded }
    }

    /// One thing that logins need.
    package struct Component: Sendable {
        package let name: String
        package let status: Status
        /// What is wrong, for operators; nil if nothing is.
        package let detail: String?
        /// What to do about it; nil if nothing is to be done. For people: `/readyz` leaves it out.
        package let remedy: String?

        package init(name: String, status: Status, detail: String? = nil, remedy: String? = nil) {
            self.name = name
            self.status = status
            self.detail = detail
            self.remedy = remedy
        }
    }

    /// While the process is leaving: the state of its components no longer matters.
    package static let draining = Readiness(components: [Component(name: "process", status: .draining)])

    package let components: [Component]

    package init(components: [Component]) {
        self.components = components
    }

    /// The worst status of all components; `ready` if there is none.
    package var status: Status {
        let statuses = components.map(\.status)
        return [.draining, .unavailable, .degraded].first(where: statuses.contains) ?? .ready
    }

    /// The JSON that `/readyz` answers with.
    /// - Parameter version: of the program; nil to leave it out.
    func text(_ version: StaticString?) -> [UInt8] {
        let components = JSONValue.object(components.map { .init(ExactText($0.name), $0.value) })
        return JSONValue.object(
            [.init("status", .string(status.rawValue))] + (version.map { [.init("version", .string("\($0)"))] } ?? [])
                + [.init("components", components)]
        ).text
    }

    /// The same for those who need know neither version nor components.
    var statusText: [UInt8] { JSONValue.object([.init("status", .string(status.rawValue))]).text }
}

extension Readiness.Component {
    fileprivate var value: JSONValue {
        .object([.init("status", .string(status.rawValue))] + (detail.map { [.init("detail", .string($0))] } ?? []))
    }
}
