import FoundationEssentials
import JOSE
import NIOSSL
import TokenExchange
import UpstreamTokens

extension UpstreamProvider {
    /// Nil for providers of other kinds.
    init?(_ provider: IdentityProvider) throws(StartUpError) {
        guard case .upstream(let recipe) = provider.token.kind else { return nil }
        var files: [[UInt8]] = []
        let tls: TLSConfiguration
        do { tls = try Self.tls(recipe.transport, files: &files) } catch {
            throw StartUpError([
                "identity provider \(provider.name): upstream: expected certificates and, for a client certificate, its "
                    + "private key in PEM, found files that do not hold them, or not such as belong together"
            ])
        }
        self.init(name: provider.name, recipe: recipe, tls: tls, tlsFiles: files)
    }

    private static func tls(_ transport: UpstreamTransport, files: inout [[UInt8]]) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        func read(_ path: String) throws -> [UInt8] {
            let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
            files.append(bytes)
            return bytes
        }
        if let file = transport.certificateAuthorityFile {
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(try read(file)))
        }
        if let own = transport.clientCertificate {
            tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(try read(own.certificateChain))
                .map { .certificate($0) }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: try read(own.privateKey), format: .pem))
        }
        // Whether the two belong together shows when they are used.
        _ = try NIOSSLContext(configuration: tls)
        return tls
    }
}

/// What exchanges with internal services need and a reload keeps: who is being asked for now, what is kept for later.
struct UpstreamAssembly: Sendable {
    let services: UpstreamServices
    private let obtain: ObtainUpstreamToken
    private let sessions: SessionAssembly
    private let time: TimeSource

    /// - Parameter cacheSecret: with it, replicas share claims and tokens through the store; without, each process has its
    ///   own, sealed under a secret that ends with it.
    init(cacheSecret: [UInt8]?, sessions: SessionAssembly, services: UpstreamServices, time: TimeSource) {
        let sealer = OpenSSLRecordSealer()
        self.services = services
        obtain = ObtainUpstreamToken(
            source: services, records: cacheSecret == nil ? InMemorySharedRecords(time: time) : sessions.records,
            vault: UpstreamVault(sealer: sealer, secret: cacheSecret ?? sealer.randomBytes(32)), time: time)
        self.sessions = sessions
        self.time = time
    }

    func exchange(_ blueprint: Blueprint, mint: MintExternalIdentity) -> UpstreamExchange {
        services.replace(with: blueprint.upstreamProviders)
        return UpstreamExchange(
            obtain: obtain, mint: mint, vault: sessions.vault, store: sessions.store, answers: sessions.records,
            revocations: sessions.revocations, time: time)
    }
}
