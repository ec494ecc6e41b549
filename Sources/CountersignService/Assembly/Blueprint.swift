import JOSE
package import ServiceConfiguration
package import TokenExchange
package import UpstreamTokens

/// A configuration with all that it refers to, read and checked, but nothing started: what `check-config` makes, and
/// what `serve` runs.
package struct Blueprint: Sendable {
    package let configuration: Configuration
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
        do { configuration = try Configuration.load(file: file, environment: environment) } catch {
            throw StartUpError(error)
        }
        var problems: [String] = []
        var remarks: [String] = []
        var tenants: [Tenant] = []
        var remoteTenants: [RemoteTenant] = []
        for settings in configuration.tenants {
            do {
                if case .jwksURL(let keys) = settings.keys {
                    remoteTenants.append(try RemoteTenant(settings, keys: keys))
                    continue
                }
                let keys = try IssuerKeyFiles(settings)
                tenants.append(
                    Tenant(
                        name: settings.name, issuer: settings.issuer, keys: IssuerKeySet(keys.verifiers),
                        rules: settings.rules))
                remarks += keys.remarks
            } catch { problems += error.problems }
        }
        var upstreamProviders: [UpstreamProvider] = []
        for provider in configuration.identityProviders {
            do { upstreamProviders += try UpstreamProvider(provider).map { [$0] } ?? [] } catch {
                problems += error.problems
            }
        }
        self.upstreamProviders = upstreamProviders
        self.tenants = tenants
        self.remoteTenants = remoteTenants
        signing = try SigningKeySource(configuration)
        do { signingKeys = try signing.directory.load(at: now, times: signing.times) } catch {
            throw StartUpError(problems + ["\(error)".replacing("--config FILE", with: "--config \(file)")])
        }
        do { verifiers = try VerifierDirectory(configuration.verifiers) } catch {
            throw StartUpError(problems + ["\(file): verifiers: \(error)"])
        }
        do { cacheSecret = try configuration.sessions.cacheSecret.map { Array(try $0.read().utf8) } } catch {
            throw StartUpError(problems + ["\(file): sessions.cache_secret: \(error)"])
        }
        let plan = signingKeys.manifest.plan(at: now)
        keys = signingKeys.ring(plan)
        self.remarks = remarks + signing.remarks(on: signingKeys, plan) + configuration.listen.remarks
        problems += configuration.sessions.fileProblem.map { ["\(file): \($0)"] } ?? []
        problems += Self.problemsOfMinting(configuration, keys: keys, file: file)
        guard problems.isEmpty else { throw StartUpError(problems) }
    }

    /// What there is, in one line.
    package var summary: String {
        let tenants = configuration.tenants.map(\.name.description).joined(separator: ", ")
        let providers = configuration.identityProviders.map(\.name.description).joined(separator: ", ")
        return "Tenants: \(tenants). Identity providers: \(providers)."
    }

    private static func problemsOfMinting(
        _ configuration: Configuration, keys: SigningKeyRing, file: String
    ) -> [String] {
        let mint = MintExternalIdentity(
            issuer: ExactText(configuration.publicURL), keys: { keys },
            randomBytes: { [UInt8](repeating: 0, count: $0) })
        return configuration.identityProviders.compactMap { provider in
            guard case .jwt(let shape) = provider.token.kind else { return nil }
            let algorithm = shape.algorithm.rawValue
            guard keys.signer(for: shape.algorithm) != nil else {
                return "\(file): identity provider \(provider.name): expected an active \(algorithm) key in "
                    + "\(configuration.signing.directory), found none; make one with: "
                    + "countersign keys generate --algorithm \(algorithm) --config \(file)"
            }
            let minimum = mint.minimumBytes(of: shape, for: provider)
            guard minimum > shape.maximumBytes else { return nil }
            return
                "\(file): identity provider \(provider.name): expected maximum_bytes of at least \(minimum), which its "
                + "smallest token has, found \(shape.maximumBytes); raise it, or map fewer claims"
        }
    }
}

extension VerifierDirectory {
    /// Reads the secrets as they are now.
    fileprivate init(_ verifiers: [VerifierSettings]) throws(SecretUnavailable) {
        var entries: [Entry] = []
        for settings in verifiers { entries.append(Entry(settings.verifier, secret: try settings.secret.read())) }
        self.init(entries, sealer: OpenSSLRecordSealer())
    }
}
