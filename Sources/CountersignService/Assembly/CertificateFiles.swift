import NIOCore
import NIOSSL
import ServiceConfiguration
import TokenExchange

/// A certificate chain and its private key from two PEM files, found to belong together.
struct CertificateFiles {
    let chain: [NIOSSLCertificate]
    let privateKey: NIOSSLPrivateKey
    /// What an operator should know of them though they can be used.
    let remarks: [String]

    /// - Parameters:
    ///   - place: of the section that names both files.
    ///   - now: the time that certificates should hold.
    init(
        _ files: TLSFiles, at place: (String) -> ConfigurationPlace, now: UnixTime
    ) throws(StartUpError) {
        var findings = Findings()
        let chainPlace = place("certificate_chain")
        let chain = findings.collect { try PEMFile(files.certificateChain, at: chainPlace).certificates() }
        let privateKey = findings.collect {
            try PEMFile(files.privateKey, at: place("private_key"), isPrivate: true).privateKey()
        }
        guard let chain, let privateKey else { throw StartUpError(findings.problems) }
        let order = ChainOrder(chain, of: files.certificateChain)
        if let problem = Self.problem(chain, privateKey, files, at: place) ?? order.complaint.map(chainPlace.problem) {
            throw StartUpError(problem)
        }
        self.chain = chain
        self.privateKey = privateKey
        remarks = (order.remarks + Self.expiries(chain, of: files.certificateChain, now: now))
            .map { "\(chainPlace): \($0)" }
    }

    /// That the key is not the first certificate's.
    private static func problem(
        _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ files: TLSFiles,
        at place: (String) -> ConfigurationPlace
    ) -> ConfigurationProblem? {
        guard let own = chain.firstIndex(where: { isPair($0, key) }) else {
            return place("private_key").problem(
                expected: "the private key of the first certificate in \(files.certificateChain)",
                found: "that of another: \(files.privateKey)",
                remedy: "Use the key that this certificate was made with.")
        }
        if own == 0 { return nil }
        return place("certificate_chain").problem(
            expected: "our own certificate first, then those that issued it",
            found: "ours as number \(own + 1) of \(files.certificateChain)", remedy: "Move it to the top.")
    }

    private static func isPair(_ certificate: NIOSSLCertificate, _ key: NIOSSLPrivateKey) -> Bool {
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
        return (try? NIOSSLContext(configuration: configuration)) != nil
    }

    private static func expiries(_ chain: [NIOSSLCertificate], of path: String, now: UnixTime) -> [String] {
        chain.enumerated().compactMap { index, certificate in
            let name = "certificate \(index + 1) of \(path)"
            let (from, until) = (Double(certificate.notValidBefore), Double(certificate.notValidAfter))
            if until < now.seconds {
                return "\(name) expired at \(UnixTime(seconds: until).shortText), so others refuse it; renew it"
            }
            return from > now.seconds
                ? "\(name) is not valid before \(UnixTime(seconds: from).shortText), so others refuse it until then"
                : nil
        }
    }
}

extension TLSConfiguration {
    /// For a server.
    ///
    /// - Parameter clientAuthorities: those that a client's certificate must come from; nil if clients need none.
    static func server(
        _ files: CertificateFiles, offersHTTP2: Bool, clientAuthorities: [NIOSSLCertificate]? = nil
    ) -> TLSConfiguration {
        var tls = makeServerConfiguration(
            certificateChain: files.chain.map { .certificate($0) }, privateKey: .privateKey(files.privateKey))
        tls.minimumTLSVersion = .tlsv12
        tls.shutdownTimeout = .seconds(1)
        tls.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
        if let clientAuthorities {
            tls.trustRoots = .certificates(clientAuthorities)
            // Clients have no host name of their own that could be compared.
            tls.certificateVerification = .noHostnameVerification
        }
        return tls
    }

    /// For a client without a certificate.
    ///
    /// - Parameters:
    ///   - authorities: the file that `ca_file` names; nil for the system's roots.
    ///   - place: of the section that holds the key.
    static func client(
        trusting authorities: String?, at place: (String) -> ConfigurationPlace
    ) throws(ConfigurationProblem) -> TLSConfiguration {
        var tls = makeClientConfiguration()
        if let authorities {
            tls.trustRoots = .certificates(try PEMFile(authorities, at: place("ca_file")).certificates())
        }
        return tls
    }

    /// For a client; with what an operator should know of its own certificates.
    ///
    /// - Parameters:
    ///   - authorities: the file that `ca_file` names; nil for the system's roots.
    ///   - own: the files that `client_certificate` names.
    ///   - place: of the section that holds both keys.
    static func client(
        trusting authorities: String?, own: TLSFiles?, now: UnixTime, at place: (String) -> ConfigurationPlace
    ) throws(StartUpError) -> (TLSConfiguration, remarks: [String]) {
        var findings = Findings()
        let trusting = findings.collect { try client(trusting: authorities, at: place) }
        let files = findings.collect {
            try own.map { try CertificateFiles($0, at: { place("client_certificate.\($0)") }, now: now) }
        }
        guard var tls = trusting, let files else { throw StartUpError(findings.problems) }
        if let files {
            tls.certificateChain = files.chain.map { .certificate($0) }
            tls.privateKey = .privateKey(files.privateKey)
        }
        return (tls, files?.remarks ?? [])
    }
}

/// Whether each certificate of a chain is followed by the one that issued it, as RFC 5246 §7.4.2 has it and some clients
/// still need it.
private struct ChainOrder {
    /// Nil if no other order would be better. An issuer that is absent is no fault: clients have the roots.
    private(set) var complaint: Complaint?
    private(set) var remarks: [String] = []

    init(_ chain: [NIOSSLCertificate], of path: String) {
        let (subjects, issuers) = (chain.map(\.subjectName), chain.map(\.issuerName))
        for index in chain.indices.dropLast() where subjects[index + 1] != issuers[index] {
            let isRoot = issuers[index] == subjects[index]
            if !isRoot, let issuer = chain.indices.first(where: { $0 > index && subjects[$0] == issuers[index] }) {
                complaint = Complaint(
                    expected: "each certificate followed by the one that issued it",
                    found: "the issuer of number \(index + 1) as number \(issuer + 1) in \(path)",
                    remedy: "Put them in order: ours, its issuer, the issuer's issuer.")
            } else {
                remarks = ["certificates after number \(index + 1) of \(path) are no part of its chain; remove them"]
            }
            return
        }
    }
}
