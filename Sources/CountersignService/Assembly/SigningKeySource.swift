import JOSE
import ServiceConfiguration
import TokenExchange

/// Where our keys are, and the times that they keep, by a configuration.
struct SigningKeySource: Sendable {
    let directory: SigningKeyDirectory
    /// Of encrypted keys; read only where a key is encrypted, or is to be.
    let passphrase: KeyPassphrase.Source
    let times: SigningKeyTimes

    init(_ configuration: Configuration) {
        let settings = configuration.signing
        let place = configuration.places["signing.passphrase"]
        passphrase = {
            guard let text = try settings.passphrase?.read() else { return nil }
            guard let passphrase = KeyPassphrase(text) else {
                throw place.problem(expected: "a passphrase of at most 1023 bytes", found: "a longer one")
            }
            return passphrase
        }
        directory = SigningKeyDirectory(path: settings.directory, passphrase: passphrase)
        times = SigningKeyTimes(configuration)
    }

    /// What an operator should know of keys with which nothing is wrong.
    func remarks(on manifest: SigningKeyManifest, unlistedFiles: [String], at now: UnixTime) -> [String] {
        let plan = manifest.plan(at: now)
        let waiting = plan.waiting.compactMap(manifest.record).map { key in
            let signer = plan.signers[key.algorithm]
            return signer == key.keyID
                ? "key \(key.keyID) signs, as no other \(key.algorithm.rawValue) key can, though verifiers may hold a "
                    + "JWK set without it until \(key.maySignFrom.shortText)"
                : "key \(key.keyID) is active from \(key.maySignFrom.shortText) on; until then \(signer ?? "none") signs"
        }
        let crowd =
            plan.published.count > Self.manyKeys
            ? [
                "the JWK set has \(plan.published.count) keys, more than some verifiers read; take out those that nobody "
                    + "needs with `countersign keys retire KID`"
            ] : []
        return waiting + crowd
            + unlistedFiles.map {
                "\(directory.path)/\($0): not in the manifest, so not used; take it up with `countersign keys generate`, "
                    + "or move it elsewhere"
            }
    }

    /// Of a JWK set. Common libraries read 50 KB of it, which is a hundred RSA keys.
    private static let manyKeys = 100
}

extension SigningKeyTimes {
    init(_ configuration: Configuration) {
        var lifetimes: [SignatureAlgorithm: Duration] = [:]
        for provider in configuration.identityProviders {
            guard case .minted(.jwt(let shape)) = provider.token.kind else { continue }
            lifetimes[shape.algorithm] = max(lifetimes[shape.algorithm] ?? .zero, provider.token.lifetime)
        }
        let rotation = configuration.signing.rotation
        self.init(
            keySetMaximumAge: configuration.signing.jwksMaximumAge, refreshLag: rotation.refreshLag,
            clockSkew: rotation.clockSkew, rotatesEvery: rotation.every, longestLifetimes: lifetimes)
    }
}
