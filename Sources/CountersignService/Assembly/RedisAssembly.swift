import RedisSessions
import ServiceConfiguration

extension RedisConfiguration {
    init(_ settings: RedisSettings) {
        self.init(
            Topology(settings.url.servers), database: settings.url.database,
            credentials: RedisCredentials(username: settings.username) { try settings.password?.read() },
            sentinelCredentials: RedisCredentials(username: settings.sentinel.username) {
                try settings.sentinel.password?.read()
            },
            tls: settings.tls.map(RedisTLS.init), commandTimeout: settings.commandTimeout,
            connectTimeout: settings.connectTimeout, keyPrefix: settings.keyPrefix,
            maximumInFlight: settings.maximumInFlight,
            replication: settings.waitReplicas == 0
                ? nil
                : RedisReplication(
                    replicas: settings.waitReplicas, connections: settings.waitConnections,
                    timeout: settings.waitTimeout))
    }
}

extension RedisConfiguration.Topology {
    fileprivate init(_ servers: RedisURL.Servers) {
        switch servers {
        case .standalone(let server): self = .standalone(RedisAddress(server))
        case .sentinel(let sentinels, let service):
            self = .sentinel(sentinels.map(RedisAddress.init), service: service)
        case .cluster(let members): self = .cluster(members.map(RedisAddress.init))
        }
    }
}

extension RedisAddress {
    fileprivate init(_ address: HostPort) {
        self.init(host: address.host, port: address.port)
    }
}

extension RedisTLS {
    fileprivate init(_ settings: RedisTLSSettings) {
        self.init(
            certificateAuthorityFile: settings.certificateAuthorityFile,
            clientCertificate: settings.clientCertificate.map {
                ClientCertificate(chain: $0.certificateChain, privateKey: $0.privateKey)
            }, serverName: settings.serverName)
    }
}

// MARK: - Files

extension SessionSettings {
    /// What keeps the files of the store from being used; nil for nothing.
    var fileProblem: String? {
        guard case .redis(let redis) = store, let tls = redis.tls.map(RedisTLS.init) else { return nil }
        do {
            try tls.checkFiles()
            return nil
        } catch { return "sessions.redis.tls.\(error.key): expected \(error.expectation)" }
    }
}

extension RedisTLSProblem {
    fileprivate var key: String {
        switch setting {
        case .certificateAuthorityFile: "ca_file"
        case .clientCertificate: "client_certificate"
        case .clientCertificateChain: "client_certificate.certificate_chain"
        case .clientPrivateKey: "client_certificate.private_key"
        }
    }

    fileprivate var expectation: String {
        switch setting {
        case .certificateAuthorityFile, .clientCertificateChain:
            "certificates in PEM, found a file without, or with a broken one"
        case .clientCertificate: "a certificate and its private key, found a key that is not the certificate's"
        case .clientPrivateKey: "a private key in PEM, without a passphrase, found a file that holds none"
        }
    }
}
