import CountersignHTTP
import NIOCore
package import ServiceConfiguration
import TokenExchange

/// How many open files a configuration may need, and how many connections of the public listener the limit leaves room
/// for. So clients can never use up the descriptors that the rest of the process needs.
package struct DescriptorBudget: Sendable, Equatable {
    /// How many connections the public listener may accept.
    package let connections: Int
    private let wanted: Int
    private let limit: Int
    private let others: Int

    /// - Parameter limit: how many files the process may have open.
    /// - Throws: ``StartUpError`` if hardly any connections would be left for clients.
    package init(
        _ configuration: Configuration, limit: Int, eventLoops: Int = System.coreCount
    ) throws {
        others = Self.others(
            sessions: configuration.sessions, outbound: configuration.outboundConnections, eventLoops: eventLoops)
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

    /// Without any client.
    /// - Parameter sessions: nil for one Redis server.
    static func others(sessions: SessionSettings?, outbound: Int, eventLoops: Int) -> Int {
        process + perEventLoop * (eventLoops + 1) + reserve
            + HTTPListener.descriptors(connections: 0)
            + HTTPListener.descriptors(connections: HTTPListener.operationsConnections)
            + (sessions?.connections(eventLoops: eventLoops) ?? 2 * eventLoops) + outbound
    }

    /// What an operator should know although the service starts.
    package var remarks: [String] {
        guard connections < wanted else { return [] }
        return [
            "limits.connections is \(wanted), but a limit of \(limit) open files leaves room for \(connections); "
                + "lower it, or raise the limit to \(others + wanted) with LimitNOFILE= of systemd or ulimit -n"
        ]
    }

    /// Standard streams, signals, timers, the runtime.
    private static let process = 24
    /// Its epoll, timer and event descriptors. The operations listener has a loop of its own.
    private static let perEventLoop = 3
    /// For files that a reload reads, name lookups, and connections that are made while others still close.
    private static let reserve = 32
    /// With fewer connections the service does not start.
    private static let fewest = 16
}

extension SessionSettings {
    /// To Redis; twice, because a connection may overlap with the one that replaces it.
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

    /// Of a cluster; the configuration need not name all of them.
    private static let usualMasters = 8
}

extension Configuration {
    /// To internal services and issuers' key sets.
    var outboundConnections: Int {
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
