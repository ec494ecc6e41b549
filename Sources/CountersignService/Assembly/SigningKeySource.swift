import JOSE
import ServiceConfiguration
import TokenExchange

/// Where our keys are, and the times that they keep, by a configuration.
struct SigningKeySource: Sendable {
    let directory: SigningKeyDirectory
    let times: SigningKeyTimes

    init(_ configuration: Configuration) throws(StartUpError) {
        let settings = configuration.signing
        let passphrase: KeyPassphrase?
        do { passphrase = try settings.passphrase.map { try Self.passphrase($0.read()) } } catch {
            throw StartUpError(["signing.passphrase: \(error)"])
        }
        directory = SigningKeyDirectory(path: settings.directory) { passphrase }
        times = SigningKeyTimes(configuration)
    }

    private static func passphrase(_ text: String) throws -> KeyPassphrase {
        guard let passphrase = KeyPassphrase(text) else {
            throw StartUpError(["expected a passphrase of at most 1023 bytes without NUL, found another"])
        }
        return passphrase
    }

    /// What an operator should know of keys with which nothing is wrong.
    func remarks(on keys: SigningKeys, _ plan: SigningKeyPlan) -> [String] {
        let waiting = plan.waiting.compactMap(keys.manifest.record).map { key in
            let signer = plan.signers[key.algorithm]
            return signer == key.keyID
                ? "key \(key.keyID) signs, as no other \(key.algorithm.rawValue) key can, though verifiers may hold a "
                    + "JWK set without it until \(key.maySignFrom.shortText)"
                : "key \(key.keyID) is active from \(key.maySignFrom.shortText) on; until then \(signer ?? "none") signs"
        }
        return waiting
            + keys.unlistedFiles.map {
                "\(directory.path)/\($0): not in the manifest, so not used; take it up with `countersign keys generate`, "
                    + "or move it elsewhere"
            }
    }
}

extension SigningKeyTimes {
    init(_ configuration: Configuration) {
        var lifetimes: [SignatureAlgorithm: Duration] = [:]
        for provider in configuration.identityProviders {
            guard case .jwt(let shape) = provider.token.kind else { continue }
            lifetimes[shape.algorithm] = max(lifetimes[shape.algorithm] ?? .zero, provider.token.lifetime)
        }
        let rotation = configuration.signing.rotation
        self.init(
            keySetMaximumAge: configuration.signing.jwksMaximumAge, refreshLag: rotation.refreshLag,
            clockSkew: rotation.clockSkew, rotatesEvery: rotation.every, longestLifetimes: lifetimes)
    }
}
