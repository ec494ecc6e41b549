import JOSE
import NIOSSL
package import ServiceConfiguration
package import TokenExchange
package import UpstreamTokens

/// A configuration with all that it refers to, read and checked, but nothing started: what `check-config` makes, and
/// what `serve` runs. Whatever `serve` refuses is found here, except what only the moment decides.
package struct Blueprint: Sendable {
    package let configuration: Configuration
    /// Of the public listener; nil for plain HTTP.
    let listenerTLS: NIOSSLContext?
    /// Those with keys in files.
    package let tenants: [Tenant]
    /// Those whose keys are fetched, which is not begun here.
    let remoteTenants: [RemoteTenant]
    /// Those whose tokens come from an internal service, which is not asked here.
    package let upstreamProviders: [UpstreamProvider]
    /// As they sign and are published at the moment of reading.
    package let keys: SigningKeyRing
    let verifiers: VerifierDirectory
    /// `sessions.cache_secret`; nil for none.
    let cacheSecret: [UInt8]?
    let signing: SigningKeySource
    let signingKeys: SigningKeys
    /// What an operator should know though nothing is wrong.
    package let remarks: [String]

    /// - Throws: ``StartUpError`` with every problem there is.
    package init(
        file: String, environment: [String: String], now: UnixTime = TimeSource.system.now()
    ) throws(StartUpError) {
        let configuration: Configuration
        do { configuration = try Configuration.load(file: file, environment: environment) } catch {
            throw StartUpError(error)
        }
        let signing = SigningKeySource(configuration)
        var findings = Findings()
        let certificates = findings.collect { try configuration.listenerCertificates(now: now) }
        let listenerTLS = findings.collect {
            try (certificates ?? nil).map { try NIOSSLContext(configuration: .server($0)) }
        }
        let tenants = findings.collect { try ConfiguredTenants(configuration) }
        let upstreams = findings.collect { try ConfiguredUpstreams(configuration, now: now) }
        let storeRemarks = findings.collect {
            try configuration.sessions.checkCertificates(configuration.places, now: now)
        }
        let verifiers = findings.collect { try VerifierDirectory(configuration.verifiers) }
        let cacheSecret = findings.collect { try configuration.sessions.cacheSecret?.read() }
        findings.collect { try signing.passphrase() }
        let signingKeys = findings.collect { try signing.keys(configuration, file: file, at: now) }
        let keys = signingKeys.map { $0.ring($0.manifest.plan(at: now)) }
        if let keys { configuration.checkMinting(with: keys, file: file, &findings) }
        guard let tenants, let upstreams, let storeRemarks, let verifiers, let signingKeys, let keys,
            findings.problems.isEmpty
        else { throw StartUpError(findings.problems) }
        self.configuration = configuration
        self.signing = signing
        self.listenerTLS = listenerTLS ?? nil
        self.tenants = tenants.local
        remoteTenants = tenants.remote
        upstreamProviders = upstreams.providers
        self.verifiers = verifiers
        self.cacheSecret = (cacheSecret ?? nil).map { Array($0.utf8) }
        self.signingKeys = signingKeys
        self.keys = keys
        remarks =
            ((certificates ?? nil)?.remarks ?? []) + tenants.remarks + upstreams.remarks + storeRemarks
            + signing.remarks(on: signingKeys.manifest, unlistedFiles: signingKeys.unlistedFiles, at: now)
            + configuration.listen.remarks + configuration.outbound.remarks(on: environment)
    }
}

extension Configuration {
    /// What there is, in one line.
    package var summary: String {
        let tenants = tenants.map(\.name.description).joined(separator: ", ")
        let providers = identityProviders.map(\.name.description).joined(separator: ", ")
        return "Tenants: \(tenants). Identity providers: \(providers)."
    }

    /// Whether the smallest token of each identity provider fits, as far as the file alone tells.
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
    /// All keys, read and checked.
    ///
    /// - Parameter file: the configuration's, for commands in messages.
    func keys(_ configuration: Configuration, file: String, at now: UnixTime) throws(StartUpError) -> SigningKeys {
        do { return try directory.load(at: now, times: times) } catch {
            let place = configuration.places["signing.directory"]
            throw StartUpError(["\(place): \(error)".replacing("--config FILE", with: "--config \(file)")])
        }
    }
}

extension Configuration {
    /// Our keys as they sign and are published at this moment, for commands that use them.
    ///
    /// - Parameter file: the configuration's, for commands in messages.
    package func serviceKeys(file: String, at now: UnixTime) throws(StartUpError) -> SigningKeyRing {
        let keys = try SigningKeySource(self).keys(self, file: file, at: now)
        return keys.ring(keys.manifest.plan(at: now))
    }
}

extension SigningKeyRing {
    /// A key for each algorithm that one of these needs, which is written nowhere and ends with the ring.
    static func throwaway(for providers: [IdentityProvider]) throws(StartUpError) -> SigningKeyRing {
        let algorithms = Set(providers.compactMap(\.jwtShape?.algorithm)).sorted { $0.rawValue < $1.rawValue }
        do throws(SigningFailure) {
            var signers: [OpenSSLTokenSigner] = []
            for algorithm in algorithms { signers.append(try .throwaway(algorithm)) }
            return SigningKeyRing(
                signers: signers, verifiers: signers.map(\.verifier),
                publishedKeySet: PublicJWK.set(signers.map(\.publicKey)))
        } catch { throw StartUpError(["OpenSSL cannot make a key: \(error.cause)"]) }
    }
}

extension VerifierDirectory {
    /// Reads the secrets as they are now.
    fileprivate init(_ verifiers: [VerifierSettings]) throws(ConfigurationProblem) {
        var entries: [Entry] = []
        for settings in verifiers { entries.append(Entry(settings.verifier, secret: try settings.secret.read())) }
        self.init(entries, sealer: OpenSSLRecordSealer())
    }
}
