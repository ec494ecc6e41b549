import JOSE
package import ServiceConfiguration
package import TokenExchange

/// A configuration with all that it refers to, read and checked, but nothing started: what `check-config` makes, and
/// what `serve` runs.
package struct Blueprint: Sendable {
    package let configuration: Configuration
    /// Those with keys in files.
    package let tenants: [Tenant]
    /// Those whose keys are fetched, which is not begun here.
    let remoteTenants: [RemoteTenant]
    package let keys: SigningKeyRing
    /// What an operator should know though nothing is wrong.
    package let remarks: [String]

    /// - Throws: ``StartUpError`` with every problem there is.
    package init(file: String, environment: [String: String]) throws(StartUpError) {
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
        self.tenants = tenants
        self.remoteTenants = remoteTenants
        self.remarks = remarks
        do { keys = try SigningKeyDirectory(path: configuration.signing.directory).load().ring } catch {
            let remedy = "make a key with: countersign keys generate --config \(file)"
            throw StartUpError(problems + ["\(error)", remedy])
        }
        problems += configuration.sessions.fileProblem.map { ["\(file): \($0)"] } ?? []
        problems += Self.problemsOfMinting(configuration, keys: keys, file: file)
        guard problems.isEmpty else { throw StartUpError(problems) }
    }

    /// What there is, in one line.
    package var summary: String {
        let tenants = configuration.tenants.map(\.name).joined(separator: ", ")
        let providers = configuration.identityProviders.map(\.name).joined(separator: ", ")
        return "Tenants: \(tenants). Identity providers: \(providers)."
    }

    private static func problemsOfMinting(
        _ configuration: Configuration, keys: SigningKeyRing, file: String
    ) -> [String] {
        let mint = MintExternalIdentity(
            issuer: configuration.publicURL, keys: { keys }, randomBytes: { [UInt8](repeating: 0, count: $0) })
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
