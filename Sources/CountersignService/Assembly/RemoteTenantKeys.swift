import IssuerKeys
import Logging
import Outbound
import Synchronization
import TokenExchange

/// The keys of all tenants that fetch them: runs one service for each. Those that a reload does not change keep
/// running, with everything that they have fetched.
final class RemoteTenantKeys: Sendable {
    private struct Running {
        let keys: RemoteIssuerKeys
        let fetcher: CurrentFetcher
        let task: Task<Void, Never>
        var outbound: OutboundTransport
    }

    /// Can be replaced while the keys stay: another proxy does not make them old.
    private final class CurrentFetcher: Sendable {
        let value: Mutex<KeySetFetcher>

        init(_ fetcher: KeySetFetcher) {
            value = Mutex(fetcher)
        }
    }

    private let running = Mutex<[RemoteTenant.CacheKey: Running]>([:])
    private let time: TimeSource
    private let logger: Logger

    /// Runs nothing until ``replace(with:)`` names tenants.
    init(time: TimeSource, logger: Logger) {
        self.time = time
        self.logger = logger
    }

    /// Runs the keys of exactly these tenants from now on.
    /// - Returns: the tenants with their keys, which may not have been fetched yet.
    func replace(with tenants: [RemoteTenant]) -> [Tenant] {
        running.withLock { running in
            let cacheKeys = Set(tenants.map(\.cacheKey))
            for (cacheKey, old) in running where !cacheKeys.contains(cacheKey) {
                old.task.cancel()
                running[cacheKey] = nil
            }
            return tenants.map { tenant in
                var current = running[tenant.cacheKey] ?? start(tenant)
                if current.outbound != tenant.outbound {
                    current.outbound = tenant.outbound
                    current.fetcher.value.withLock { $0 = tenant.makeFetcher() }
                }
                running[tenant.cacheKey] = current
                return Tenant(
                    name: tenant.cacheKey.name, issuer: tenant.cacheKey.issuer, keys: current.keys, rules: tenant.rules)
            }
        }
    }

    private func start(_ tenant: RemoteTenant) -> Running {
        let fetcher = CurrentFetcher(tenant.makeFetcher())
        let keys = tenant.makeKeys(
            fetch: { () async throws(KeySetFetchFailure) in try await fetcher.value.withLock(\.self)() }, time: time,
            logger: logger)
        return Running(keys: keys, fetcher: fetcher, task: Task { await keys.run() }, outbound: tenant.outbound)
    }

    /// The state of each tenant's keys, in the order of names.
    var statuses: [(tenant: ExactText, status: IssuerKeyStatus)] {
        running.withLock { $0.map { ($0.key.name, $0.value.keys.status) } }.sorted { $0.0 < $1.0 }
    }

    /// Ends the fetching for all tenants.
    func shutDown() {
        for current in running.withLock({ $0.values.map(\.task) }) { current.cancel() }
    }
}
