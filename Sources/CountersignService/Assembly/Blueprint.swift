import JOSE
import NIOSSL
package import ServiceConfiguration
package import TokenExchange
package import UpstreamTokens

/// A configuration with everything that it refers to, read and checked, but nothing started: what `check-config` makes,
/// and what `serve` runs. Everything that `serve` refuses is found here, except what depends on the moment (ports,
/// servers).
package struct Blueprint: Sendable {
    package let configuration: Configuration
    /// For the public listener; nil for plain HTTP.
    let listenerTLS: NIOSSLContext?
    /// When those of the listener, and our own for other servers, end.
    let certificates: [CertificateExpiry]
    let operationsListener: OperationsListenerFiles
    /// The tenants with keys in files.
    package let tenants: [Tenant]
    /// The tenants whose keys are fetched; fetching has not begun.
    let remoteTenants: [RemoteTenant]
    /// The providers whose tokens come from an internal service; no service has been called.
    package let upstreamProviders: [UpstreamProvider]
    /// Our signing keys as they were when they were read.
    package let keys: SigningKeyRing
    let verifiers: VerifierDirectory
    /// Nil if nothing is traced.
    let traces: ConfiguredTraces?
    /// `sessions.cache_secret`; nil if there is none.
    let cacheSecret: [UInt8]?
    /// `log.correlation_key`; nil if there is none.
    package let correlationKey: [UInt8]?
    /// Nil if the service is not probed.
    let prober: Prober?
    let signing: SigningKeySource
    let signingKeys: SigningKeys
    /// What an operator should know although nothing is wrong.
    package let remarks: [String]

    /// - Parameters:
    ///   - environment: where `{ env: NAME }` looks.
    ///   - now: the moment for which certificates and keys are judged.
    /// - Throws: ``ConfigurationError``, or ``StartUpError`` with every problem that was found.
    package init(
        file: String, environment: [String: String], now: UnixTime = TimeSource.system.now()
    ) throws {
        let configuration = try Configuration.load(file: file, environment: environment)
        let signing = SigningKeySource(configuration)
        var findings = Findings()
        let certificates = findings.collect { try configuration.listenerCertificates(now: now) }
        let listenerTLS = findings.collect {
            try (certificates ?? nil).map {
                try NIOSSLContext(configuration: .server($0, offersHTTP2: configuration.listen.http2.isEnabled))
            }
        }
        let operationsListener = findings.collect { try OperationsListenerFiles(configuration, now: now) }
        let tenants = findings.collect { try ConfiguredTenants(configuration) }
        let upstreams = findings.collect { try ConfiguredUpstreams(configuration, now: now) }
        let traces = findings.collect {
            try configuration.traces.map { try ConfiguredTraces($0, configuration, now: now) }
        }
        let store = findings.collect { try configuration.sessions.certificates(configuration.places, now: now) }
        let verifiers = findings.collect { try VerifierDirectory(configuration.verifiers) }
        let cacheSecret = findings.collect { try configuration.sessions.cacheSecret?.read() }
        let correlationKey = findings.collect { try configuration.log.correlationKey?.read() }
        let prober = findings.collect { try Prober(configuration) }
        findings.collect { try signing.passphrase() }
        let signingKeys = findings.collect { try signing.keys(configuration, file: file, at: now) }
        let keys = signingKeys.map { $0.ring($0.manifest.plan(at: now)) }
        if let keys { configuration.checkMinting(with: keys, file: file, &findings) }
        guard let tenants, let operationsListener, let upstreams, let store, let verifiers, let signingKeys, let keys,
            findings.problems.isEmpty
        else { throw StartUpError(findings.problems) }
        self.configuration = configuration
        self.signing = signing
        self.listenerTLS = listenerTLS ?? nil
        self.operationsListener = operationsListener
        self.certificates =
            [
                (certificates ?? nil).flatMap { CertificateExpiry(.listener, $0.chain) }, operationsListener.expiry,
                store.expiry,
            ].compactMap(\.self) + upstreams.expiries
        self.tenants = tenants.local
        remoteTenants = tenants.remote
        upstreamProviders = upstreams.providers
        self.verifiers = verifiers
        self.traces = traces ?? nil
        self.cacheSecret = (cacheSecret ?? nil).map { Array($0.utf8) }
        self.correlationKey = (correlationKey ?? nil).map { Array($0.utf8) }
        self.prober = prober ?? nil
        self.signingKeys = signingKeys
        self.keys = keys
        remarks =
            ((certificates ?? nil)?.remarks ?? []) + operationsListener.remarks + tenants.remarks + upstreams.remarks
            + store.remarks + ((traces ?? nil)?.remarks ?? [])
            + signing.remarks(on: signingKeys.manifest, unlistedFiles: signingKeys.unlistedFiles, at: now)
            + configuration.listen.remarks + configuration.outbound.remarks(on: environment)
    }
}

extension Configuration {
    /// The tenants and identity providers, in one line.
    package var summary: String {
        let tenants = tenants.map(\.name.description).joined(separator: ", ")
        let providers = identityProviders.map(\.name.description).joined(separator: ", ")
        return "Tenants: \(tenants). Identity providers: \(providers)."
    }

    /// Checks from the file alone that the smallest token of each identity provider fits into its `maximum_bytes`.
    /// - Throws: ``StartUpError`` with every provider whose token does not fit.
    package func checkMinting(file: String) throws {
        var findings = Findings()
        checkMinting(with: try .throwaway(for: identityProviders), file: file, &findings)
        guard findings.problems.isEmpty else { throw StartUpError(findings.problems) }
    }

    fileprivate func listenerCertificates(now: UnixTime) throws -> CertificateFiles? {
        try listen.tls.map { try CertificateFiles($0, at: { places["listen.tls.\($0)"] }, now: now) }
    }

    fileprivate func checkMinting(with keys: SigningKeyRing, file: String, _ findings: inout Findings) {
        let mint = MintExternalIdentity(
            issuer: ExactText(publicURL), keys: keys, randomBytes: { [UInt8](repeating: 0, count: $0) })
        for (index, provider) in identityProviders.enumerated() {
            guard let shape = provider.jwtShape else { continue }
            let place = { (key: String) in places["identity_providers[\(index)].token.\(key)"] }
            let algorithm = shape.algorithm.rawValue
            if keys.signer(for: shape.algorithm) == nil {
                findings.add(
                    place("algorithm").problem(
                        expected: "an active \(algorithm) key in \(signing.directory)", found: "none",
                        remedy: "Make one with: countersign keys generate --algorithm \(algorithm) --config \(file)"))
                continue
            }
            let minimum = mint.minimumBytes(of: shape, for: provider)
            if minimum > shape.maximumBytes {
                findings.add(
                    place("maximum_bytes").problem(
                        expected:
                            "maximum_bytes of at least \(minimum), which the smallest token of \(provider.name) has",
                        found: "\(shape.maximumBytes)", remedy: "Raise it, or map fewer claims."))
            }
        }
    }
}

extension SigningKeySource {
    /// Reads and checks all signing keys.
    ///
    /// - Parameter file: the configuration file, for commands in messages.
    func keys(_ configuration: Configuration, file: String, at now: UnixTime) throws -> SigningKeys {
        do { return try directory.load(at: now, times: times) } catch {
            let place = configuration.places["signing.directory"]
            throw StartUpError(["\(place): \(error)".replacing("--config FILE", with: "--config \(file)")])
        }
    }
}

extension Configuration {
    /// Our signing keys as they are at this moment, for commands that use them.
    ///
    /// - Parameter file: the configuration file, for commands in messages.
    package func serviceKeys(file: String, at now: UnixTime) throws -> SigningKeyRing {
        let keys = try SigningKeySource(self).keys(self, file: file, at: now)
        return keys.ring(keys.manifest.plan(at: now))
    }
}

extension SigningKeyRing {
    /// New keys, one for each algorithm of these providers. They are never written to a file.
    static func throwaway(for providers: [IdentityProvider]) throws -> SigningKeyRing {
        let algorithms = Set(providers.compactMap(\.jwtShape?.algorithm)).sorted { $0.rawValue < $1.rawValue }
        var signers: [OpenSSLTokenSigner] = []
        for algorithm in algorithms {
            do { signers.append(try .throwaway(algorithm)) } catch {
                throw StartUpError(["OpenSSL cannot make a key: \(error.cause)"])
            }
        }
        return SigningKeyRing(
            signers: signers, verifiers: signers.map(\.verifier),
            publishedKeySet: PublicJWK.set(signers.map(\.publicKey)))
    }
}

extension VerifierDirectory {
    /// Reads every secret as it is now.
    fileprivate init(_ verifiers: [VerifierSettings]) throws {
        self.init(
            try verifiers.map { Entry($0.verifier, secret: try $0.secret.read()) }, sealer: OpenSSLRecordSealer())
    }
}
