import CountersignHTTP
import NIOCore
package import ServiceConfiguration
import TokenExchange

/// What a configuration may need of the process's open files, and how many connections of the public listener that leaves
/// room for. Clients can then never use up what the rest of the process needs.
package struct DescriptorBudget: Sendable, Equatable {
    /// Of the public listener.
    package let connections: Int
    private let wanted: Int
    private let limit: Int
    private let others: Int

    /// - Parameter limit: of open files.
    /// - Throws: if clients would be left with next to nothing.
    package init(
        _ configuration: Configuration, limit: Int, eventLoops: Int = System.coreCount
    ) throws(StartUpError) {
        others =
            Self.process + Self.perEventLoop * eventLoops + Self.reserve + HTTPListener.descriptors(connections: 0)
            + HTTPListener.descriptors(connections: HTTPListener.operationsConnections)
            + configuration.sessions.connections(eventLoops: eventLoops) + configuration.outboundConnections
        wanted = configuration.limits.connections
        self.limit = limit
        connections = min(wanted, limit - others)
        guard connections >= min(wanted, Self.fewest) else {
            throw StartUpError([
                "expected a limit of at least \(others + Self.fewest) open files for this configuration (\(others) "
                    + "without any client), found \(limit); raise it with LimitNOFILE= of systemd or ulimit -n"
            ])
        }
    }

    /// What an operator should know though the service starts.
    package var remarks: [String] {
        guard connections < wanted else { return [] }
        return [
            "limits.connections is \(wanted), but a limit of \(limit) open files leaves room for \(connections); "
                + "lower it, or raise the limit to \(others + wanted) with LimitNOFILE= of systemd or ulimit -n"
        ]
    }

    /// Standard streams, signals, timers, the runtime.
    private static let process = 24
    /// Its selector, its timer, and what wakes it.
    private static let perEventLoop = 3
    /// Files that are read at a reload, look-ups of names, connections that are made while others still close.
    private static let reserve = 32
    /// Connections below which a service is not worth starting.
    private static let fewest = 16
}

extension SessionSettings {
    /// To Redis, each connection once more while it is replaced.
    fileprivate func connections(eventLoops: Int) -> Int {
        guard case .redis(let redis) = store else { return 0 }
        let lanes = 1 + (redis.waitReplicas > 0 ? redis.waitConnections : 0)
        let servers: Int =
            switch redis.url.servers {
            case .standalone: 1
            case .sentinel(let sentinels, _): 1 + sentinels.count
            case .cluster(let members): max(members.count, Self.usualMasters)
            }
        return 2 * servers * lanes * eventLoops
    }

    /// Of a cluster: the configuration need not name all of them.
    private static let usualMasters = 8
}

extension Configuration {
    /// To internal services and issuers of keys.
    fileprivate var outboundConnections: Int {
        let upstreams = identityProviders.map { provider -> Int in
            guard case .upstream(let recipe) = provider.token.kind else { return 0 }
            return recipe.transport.connections
        }
        let keySets = tenants.count { tenant in
            guard case .jwksURL = tenant.keys else { return false }
            return true
        }
        return upstreams.reduce(0, +) + 2 * keySets
    }
}
