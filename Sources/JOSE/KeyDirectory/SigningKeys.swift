package import TokenExchange

/// What a key directory holds at one moment, every key of it read and checked.
package struct SigningKeys: Sendable {
    package let manifest: SigningKeyManifest
    /// Key files that the manifest does not list: left by a command that was interrupted, or put there by hand.
    package let unlistedFiles: [String]
    /// By `kid`; without revoked keys, and without expired ones whose file is gone.
    private let signers: [ExactText: OpenSSLTokenSigner]

    /// `signers` by `kid`.
    init(_ manifest: SigningKeyManifest, unlistedFiles: [String], signers: [ExactText: OpenSSLTokenSigner]) {
        self.manifest = manifest
        self.unlistedFiles = unlistedFiles
        self.signers = signers
    }

    /// The keys as a plan has them.
    package func ring(_ plan: SigningKeyPlan) -> SigningKeyRing {
        let published = plan.published.compactMap { signers[$0] }
        return SigningKeyRing(
            signers: plan.signers.values.compactMap { signers[$0] }, verifiers: published.map(\.verifier),
            publishedKeySet: PublicJWK.set(published.map(\.publicKey)))
    }

    /// The same keys with one revoked: the best other key takes over, if there is any.
    package func revoking(_ keyID: ExactText, at now: UnixTime, times: SigningKeyTimes) -> SigningKeys {
        SigningKeys(
            manifest.revoking(keyID, at: now, times: times), unlistedFiles: unlistedFiles, signers: signers)
    }
}

/// What a key directory holds by the names of its files and by its manifest; no key was looked at.
package struct SigningKeyListing: Sendable {
    package let manifest: SigningKeyManifest
    /// Key files that the manifest does not list.
    package let unlistedFiles: [String]
    /// Of keys that the manifest lists.
    package let missingFiles: [String]
}

/// `<algorithm>-<kid>.pem`.
struct SigningKeyName {
    static let suffix = ".pem"

    let algorithm: SignatureAlgorithm
    let keyID: ExactText

    /// As the key's file is to be called.
    var fileName: String { "\(algorithm.rawValue)-\(keyID)\(Self.suffix)" }

    /// `keyID` must be a thumbprint.
    init(algorithm: SignatureAlgorithm, keyID: ExactText) {
        self.algorithm = algorithm
        self.keyID = keyID
    }

    /// Nil for a name of any other form.
    init?(fileName: String) {
        let parts = fileName.dropLast(Self.suffix.count).split(separator: "-", maxSplits: 1)
        guard parts.count == 2, let algorithm = SignatureAlgorithm(rawValue: String(parts[0])),
            SignatureAlgorithm.minting.contains(algorithm), Self.isKeyID(ExactText(parts[1]))
        else { return nil }
        self.init(algorithm: algorithm, keyID: ExactText(parts[1]))
    }

    /// Whether it is what a SHA-256 thumbprint looks like.
    static func isKeyID(_ text: ExactText) -> Bool { Base64URL.decode(text.bytes)?.count == 32 }
}

extension SigningKeyRecord {
    /// Of the key, in its directory.
    package var fileName: String { SigningKeyName(algorithm: algorithm, keyID: keyID).fileName }
}
