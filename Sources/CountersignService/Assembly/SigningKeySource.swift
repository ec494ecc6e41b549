import JOSE
import ServiceConfiguration
import TokenExchange

/// The directory of our signing keys and the times of their rotation, as a configuration has them.
struct SigningKeySource: Sendable {
    let directory: SigningKeyDirectory
    /// For encrypted keys; read only if a key is encrypted, or is to be.
    let passphrase: KeyPassphrase.Source
    let times: SigningKeyTimes

    /// Reads no file.
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

    /// What an operator should know about keys although nothing is wrong with them.
    /// - Parameter unlistedFiles: names of files in the directory that the manifest does not list.
    func remarks(on manifest: SigningKeyManifest, unlistedFiles: [String], at now: UnixTime) -> [String] {
        let plan = manifest.plan(at: now)
        let waiting = plan.waiting.compactMap(manifest.record).map { key in
            let signer = plan.signers[key.algorithm]
            return signer == key.keyID
                ? "key \(key.keyID) signs, because no other \(key.algorithm.rawValue) key can, although verifiers may hold a "
                    + "JWK set without it until \(key.maySignFrom.shortText)"
                : "key \(key.keyID) is active, but signs only from \(key.maySignFrom.shortText) on; until then \(signer ?? "none") signs"
        }
        let crowd =
            plan.published.count > Self.manyKeys
            ? [
                "the JWK set has \(plan.published.count) keys, more than some verifiers read; remove those that are not "
                    + "needed with `countersign keys retire KID`"
            ] : []
        return waiting + crowd
            + unlistedFiles.map {
                "\(directory.path)/\($0): not in the manifest, so not used; add it with `countersign keys generate`, "
                    + "or move it elsewhere"
            }
    }

    /// Common libraries read 50 KB of a JWK set, which is a hundred RSA keys.
    private static let manyKeys = 100
}

extension SigningKeyTimes {
    /// The longest lifetime of an algorithm is that of the provider with the longest one.
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
