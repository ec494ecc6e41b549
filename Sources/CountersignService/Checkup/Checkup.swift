import JOSE
import NIOSSL
import Outbound
import ServiceConfiguration
package import TokenExchange

/// What `countersign doctor` does: checks a whole deployment from where it runs, and says for each line pass, warn or fail.
///
/// Every check is what the service does, by the service's own clients: it fetches key sets, writes to the store, asks the
/// public URL. All of them run at once; each has a time limit of its own.
package struct Checkup: Sendable {
    /// One check; ends within its own time limit.
    typealias Check = @Sendable () async -> [CheckupFinding]

    /// For one server that hangs.
    static let patience = Duration.seconds(5)

    /// What the machine says of itself.
    package struct Machine: Sendable {
        let openFiles: Int
        let clockIsSynchronized: Bool?

        /// - Parameters:
        ///   - openFiles: how many files a process may have open.
        ///   - clockIsSynchronized: whether the system keeps its clock by others; nil if it does not say.
        package init(openFiles: Int, clockIsSynchronized: Bool?) {
            self.openFiles = openFiles
            self.clockIsSynchronized = clockIsSynchronized
        }
    }

    private let local: [CheckupFinding]
    private let checks: [Check]

    /// Reads the configuration and all that it refers to, as `serve` does; may block.
    /// - Parameter authorities: a PEM file with those that the public URL's certificate may come from; nil for the system's.
    package init(
        file: String, environment: [String: String], authorities: String?, machine: Machine, time: TimeSource
    ) {
        let now = time.now()
        let blueprint = Result { try Blueprint(file: file, environment: environment, now: now) }
        let configuration =
            (try? blueprint.get())?.configuration ?? (try? Configuration.parse(file: file, environment: environment))
        let findings = Self.findings(on: file, configuration, blueprint)
        // Of a file that cannot be read there is nothing more to say.
        guard let configuration else {
            (local, checks) = (findings, [])
            return
        }
        local =
            findings + [
                Self.descriptors(configuration, limit: machine.openFiles),
                Self.synchronization(machine.clockIsSynchronized),
                SigningKeyCheck(configuration, file: file).finding(at: now),
            ]
        let site = PublicURLCheck(
            configuration, ownKeys: try? configuration.serviceKeys(file: file, at: now).publishedKeySet,
            tls: Self.publicTLS(authorities, at: configuration.places["--ca-file"]), time: time)
        checks = Self.checks(configuration, site, time)
    }

    /// Does all checks.
    package func report() async -> CheckupReport {
        await withTaskGroup(of: (Int, [CheckupFinding]).self) { group in
            for (index, check) in checks.enumerated() { group.addTask { (index, await check()) } }
            let found = await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            return CheckupReport(findings: local + checks.indices.flatMap { found[$0] ?? [] })
        }
    }

    private static func checks(_ configuration: Configuration, _ site: PublicURLCheck, _ time: TimeSource) -> [Check] {
        // What cannot be read is among the findings already.
        let tenants = try? ConfiguredTenants(configuration)
        let upstreams = (try? ConfiguredUpstreams(configuration, now: time.now()))?.providers ?? []
        let store = SessionStoreCheck(configuration, time: time)
        let files = (tenants?.local ?? []).map { tenant -> Check in
            { [.pass("issuer_keys", of: "\(tenant.name)", "its keys are read from files")] }
        }
        let issuers = (tenants?.remote ?? []).map { tenant -> Check in
            { await IssuerKeyCheck(tenant: tenant, time: time).findings() }
        }
        let services = upstreams.map { provider -> Check in
            { await UpstreamCheck(provider: provider, time: time).findings() }
        }
        return files + issuers + [{ await store.findings() }, { await site.findings() }] + services
    }

    private static func publicTLS(
        _ authorities: String?, at place: ConfigurationPlace
    ) -> Result<NIOSSLContext, any Error> {
        Result { try OutboundClient.context(of: .client(trusting: authorities) { _ in place }, at: place) }
    }
}

// MARK: - Checks of the machine and the file

extension Checkup {
    private static func findings(
        on file: String, _ configuration: Configuration?, _ blueprint: Result<Blueprint, any Error>
    ) -> [CheckupFinding] {
        let warnings = (configuration?.warnings ?? []).map { CheckupFinding.told("configuration", .warn, $0) }
        do {
            let remarks = try blueprint.get().remarks.map { CheckupFinding.told("configuration", .warn, $0) }
            return remarks + warnings + [.pass("configuration", "`serve` would start with \(file)")]
        } catch {
            let lines = StartUpError(error).problems.flatMap { $0.split(separator: "\n") }
            return lines.map { .told("configuration", .fail, String($0)) } + warnings
        }
    }

    static func descriptors(_ configuration: Configuration, limit: Int) -> CheckupFinding {
        do {
            let budget = try DescriptorBudget(configuration, limit: limit)
            guard let remark = budget.remarks.first else {
                return .pass("limits", "\(limit) open files leave room for \(budget.connections) connections")
            }
            return .told("limits", .warn, remark)
        } catch { return .told("limits", .fail, "\(StartUpError(error))") }
    }

    static func synchronization(_ isSynchronized: Bool?) -> CheckupFinding {
        let check = "time_synchronization"
        let remedy = "Run chrony or systemd-timesyncd on this machine: tokens are judged by its clock."
        return switch isSynchronized {
        case true?: .pass(check, "the system keeps this machine's clock by others")
        case false?: .warn(check, "the system says that nobody keeps this machine's clock", remedy: remedy)
        case nil: .warn(check, "the system does not say whether anybody keeps this machine's clock", remedy: remedy)
        }
    }
}
