import NIOCore
import NIOSSL

/// How servers are proven genuine, and we to them. The files are read anew at every connect, so that rotated certificates
/// need no restart.
package struct RedisTLS: Sendable {
    /// Of PEM files.
    package struct ClientCertificate: Sendable {
        package let chain: String
        package let privateKey: String

        package init(chain: String, privateKey: String) {
            self.chain = chain
            self.privateKey = privateKey
        }
    }

    /// A PEM file; nil for the system's roots.
    package var certificateAuthorityFile: String?
    package var clientCertificate: ClientCertificate?
    /// The name that certificates must hold; nil for the host that is connected to.
    package var serverName: String?

    package init(
        certificateAuthorityFile: String? = nil, clientCertificate: ClientCertificate? = nil, serverName: String? = nil
    ) {
        self.certificateAuthorityFile = certificateAuthorityFile
        self.clientCertificate = clientCertificate
        self.serverName = serverName
    }
}

/// A file does not hold what it should.
package struct RedisTLSProblem: Error, Equatable {
    package enum Setting: Sendable {
        case certificateAuthorityFile
        case clientCertificateChain
        case clientPrivateKey
        /// Certificate and key, which are not a pair.
        case clientCertificate
    }

    package let setting: Setting
}

extension RedisTLS {
    /// A server that hangs must not keep its connection from being replaced.
    private static let goodbyeTimeout = TimeAmount.milliseconds(100)

    /// Throws what ``context()`` would.
    package func checkFiles() throws(RedisTLSProblem) { _ = try context() }

    func context() throws(RedisTLSProblem) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = Self.goodbyeTimeout
        if let file = certificateAuthorityFile {
            configuration.trustRoots = .certificates(try Self.certificates(file, .certificateAuthorityFile))
        }
        if let files = clientCertificate {
            configuration.certificateChain = try Self.certificates(files.chain, .clientCertificateChain)
                .map { .certificate($0) }
            do {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: files.privateKey, format: .pem))
            } catch { throw RedisTLSProblem(setting: .clientPrivateKey) }
        }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw RedisTLSProblem(setting: .clientCertificate)
        }
    }

    private static func certificates(
        _ file: String, _ setting: RedisTLSProblem.Setting
    ) throws(RedisTLSProblem) -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(file)
            guard !certificates.isEmpty else { throw RedisTLSProblem(setting: setting) }
            return certificates
        } catch { throw RedisTLSProblem(setting: setting) }
    }
}
