import CountersignHTTP
import JOSE
import NIOSSL
import ServiceConfiguration
import TokenExchange

/// What the operations listener has in files: its certificates, the authorities of its clients, the secret of requests.
struct OperationsListenerFiles {
    /// Nil for plain HTTP.
    let tls: NIOSSLContext?
    /// Nil if requests need no secret.
    let secret: OperationsSecret?
    /// Of the listener's certificate; nil for plain HTTP.
    let expiry: CertificateExpiry?
    /// What an operator should know of the certificates.
    let remarks: [String]

    /// - Parameter now: the time that certificates should hold.
    init(_ configuration: Configuration, now: UnixTime) throws {
        let access = configuration.listen.operationsAccess
        let place = { (key: String) in configuration.places["listen.operations.\(key)"] }
        var findings = Findings()
        let certificates = findings.collect {
            try access.tls.map { try CertificateFiles($0, at: { place("tls.\($0)") }, now: now) }
        }
        let authorities = findings.collect {
            try access.clientAuthorities.map { try PEMFile($0, at: place("client_certificates")).certificates() }
        }
        let secret = findings.collect {
            try access.bearer.map { OperationsSecret(try $0.read(), sealer: OpenSSLRecordSealer()) }
        }
        guard let certificates, let authorities, let secret else { throw StartUpError(findings.problems) }
        tls = try certificates.map {
            try NIOSSLContext(
                configuration: .server(
                    $0, offersHTTP2: configuration.listen.http2.isEnabled, clientAuthorities: authorities))
        }
        self.secret = secret
        expiry = certificates.flatMap { CertificateExpiry(.operations, $0.chain) }
        remarks = certificates?.remarks ?? []
    }
}
