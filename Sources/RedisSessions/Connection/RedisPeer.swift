import BlockingWork
import NIOSSL
import Outbound

/// One server: what it is for, how to log in there, and how all servers are reached.
package struct RedisPeer: Sendable {
    /// What a server is for.
    package enum Role: Sendable {
        /// Keeps our records; must be a master.
        case dataNode(database: Int)
        /// Is only asked where the masters are.
        case discovery
    }

    let address: RedisAddress
    let role: Role
    let credentials: RedisCredentials
    /// Times, limits and TLS. A connection that owes a reply for `commandTimeout` is silent.
    var configuration: RedisConfiguration
    private let reads = BlockingReads<Result<ReadCredentials, ConnectionFault>>()

    /// A server that keeps records.
    package init(dataNode address: RedisAddress, _ configuration: RedisConfiguration) {
        self.address = address
        self.configuration = configuration
        role = .dataNode(database: configuration.database)
        credentials = configuration.credentials
    }

    /// A server that knows where the masters are: a sentinel, or a member of a cluster.
    init(discovery address: RedisAddress, _ configuration: RedisConfiguration, credentials: RedisCredentials) {
        self.address = address
        self.configuration = configuration
        self.credentials = credentials
        role = .discovery
    }

    /// Whether the server keeps records.
    var isDataNode: Bool {
        if case .dataNode = role { true } else { false }
    }
}

extension RedisPeer {
    /// What was read from files just now.
    struct ReadCredentials: Sendable {
        let password: RedisPassword?
        let context: NIOSSLContext?
    }

    /// Read on their own thread, once for all connections to this server that are opened meanwhile.
    func credentials(within limit: Duration) async throws(ConnectionFault) -> ReadCredentials {
        let result = await reads.value(of: "", within: limit) {
            Result { () throws(ConnectionFault) in try readCredentials() }
        }
        guard let result else { throw .filesDoNotAnswer }
        return try result.get()
    }

    private func readCredentials() throws(ConnectionFault) -> ReadCredentials {
        let password: RedisPassword?
        do { password = try credentials.password().map(RedisPassword.init) } catch { throw .passwordUnreadable(error) }
        return ReadCredentials(password: password, context: try configuration.tls?.context())
    }
}

extension RedisTLS {
    fileprivate func context() throws(ConnectionFault) -> NIOSSLContext {
        let configuration: TLSConfiguration
        do { configuration = try self.configuration() } catch { throw .certificatesUnreadable(error) }
        do { return try .client(configuration) } catch {
            throw ConnectionFault(detail: "TLS certificates or key cannot be used")
        }
    }
}
