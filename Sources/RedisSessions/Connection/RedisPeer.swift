import BlockingWork
import NIOSSL

/// One server, and how to greet it.
package struct RedisPeer: Sendable {
    package enum Role: Sendable {
        /// Keeps our records; must be a master.
        case records(database: Int)
        /// Is only asked where the masters are.
        case guide
    }

    let address: RedisAddress
    let role: Role
    let credentials: RedisCredentials
    let tls: RedisTLS?
    /// A connection that owes a reply for so long is silent.
    var commandTimeout: Duration
    let connectTimeout: Duration
    let reconnectWait: Duration
    let maximumInFlight: Int
    /// For commands that block their connection: so many for each event loop, beside the shared one.
    let blocking: RedisReplication?
    private let reads = BlockingReads<Result<ReadCredentials, ConnectionFault>>()

    init(
        _ address: RedisAddress, _ configuration: RedisConfiguration, role: Role, credentials: RedisCredentials,
        blocking: RedisReplication? = nil
    ) {
        self.address = address
        self.role = role
        self.credentials = credentials
        self.blocking = blocking
        tls = configuration.tls
        commandTimeout = configuration.commandTimeout
        connectTimeout = configuration.connectTimeout
        reconnectWait = configuration.reconnectWait
        maximumInFlight = configuration.maximumInFlight
    }

    /// A server that keeps records.
    package init(keeper address: RedisAddress, _ configuration: RedisConfiguration) {
        self.init(
            address, configuration, role: .records(database: configuration.database),
            credentials: configuration.credentials, blocking: configuration.replication)
    }
}

extension RedisPeer {
    /// What stands in files, as it stands there now.
    struct ReadCredentials: Sendable {
        let password: RedisPassword?
        let context: NIOSSLContext?
    }

    /// On a thread of its own, for all connections to this server that are opened meanwhile.
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
        return ReadCredentials(password: password, context: try tls?.context())
    }
}

extension RedisTLS {
    /// Certificates must hold the name, or else the address, that was connected to.
    func handler(_ context: NIOSSLContext, for address: RedisAddress) throws -> NIOSSLClientHandler {
        if let serverName { return try NIOSSLClientHandler(context: context, serverHostname: serverName) }
        do {
            return try NIOSSLClientHandler(context: context, serverHostname: address.host)
        } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
            // The handler then compares certificates with the address that it is connected to.
            return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }
}
