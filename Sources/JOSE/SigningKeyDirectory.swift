import FoundationEssentials
package import TokenExchange

/// The service's own private keys on disk: `<algorithm>-<kid>.pem`, PKCS#8, mode 0600, exactly one for an algorithm.
///
/// The name repeats what the content says, so that a file that was mixed up, cut or edited is noticed at start-up and not
/// by verifiers. Files that do not end in `.pem` are none of ours.
package struct SigningKeyDirectory: Sendable {
    /// NIST SP 800-57 Part 1 Rev. 5 has 2048 bits suffice until 2030, and our tokens live for hours; 3072 bits would
    /// triple the cost of signing and make every token 170 characters longer.
    static let rsaBits = 2048

    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Makes a key and its file, and the directory (mode 0700) where there is none. Never overwrites.
    /// - Throws: ``KeyFileError``; also where the algorithm has a key already.
    package func generate(algorithm: SignatureAlgorithm) throws(KeyFileError) -> SigningKeyEntry {
        guard SignatureAlgorithm.minting.contains(algorithm) else { throw error(.notForMinting(algorithm)) }
        try makeDirectory()
        let lock = try KeyDirectoryLock(path)
        if let existing = try names().first(where: { $0.algorithm == algorithm }) {
            throw error(.keyExists(algorithm, fileName: existing.fileName))
        }
        let name: SigningKeyName
        let pem: SecretBytes
        do throws(OpenSSLFailure) {
            let key = try KeyHandle.generate(algorithm.keyType, rsaBits: Self.rsaBits)
            guard let parameters = key.parameters else { throw OpenSSLFailure(cause: "the new key cannot be read") }
            name = SigningKeyName(algorithm: algorithm, keyID: parameters.thumbprint)
            pem = try key.privateKeyPEM()
        } catch let failure {
            throw error(.notGenerated(cause: failure.cause))
        }
        try KeyFile.create("\(path)/\(name.fileName)", in: lock, pem)
        return SigningKeyEntry(name)
    }

    /// - Throws: ``KeyFileError`` for the first file that is not as it should be; no key is left out in silence.
    package func load() throws(KeyFileError) -> SigningKeys {
        let names = try names()
        for (algorithm, same) in Dictionary(grouping: names, by: \.algorithm) where same.count > 1 {
            throw error(.severalKeys(algorithm, fileNames: same.map(\.fileName)))
        }
        var signers: [OpenSSLTokenSigner] = []
        for name in names { signers.append(try signer(name)) }
        let ring = SigningKeyRing(
            signers: signers, verifiers: signers.map(\.verifier),
            publishedKeySet: PublicJWK.set(signers.map(\.publicKey)))
        return SigningKeys(ring: ring, entries: names.map(SigningKeyEntry.init))
    }

    private func signer(_ name: SigningKeyName) throws(KeyFileError) -> OpenSSLTokenSigner {
        let file = "\(path)/\(name.fileName)"
        let signer = try OpenSSLTokenSigner(privateKeyFile: file, algorithm: name.algorithm)
        guard signer.keyID == name.keyID else {
            throw KeyFileError(path: file, problem: .nameIsNotThumbprint(found: signer.keyID))
        }
        return signer
    }

    private func makeDirectory() throws(KeyFileError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw self.error(.unreadable(operation: "make the directory", cause: "\(error)"))
        }
    }

    /// Sorted by file name.
    private func names() throws(KeyFileError) -> [SigningKeyName] {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory else {
            throw error(.missingDirectory)
        }
        let fileNames: [String]
        do { fileNames = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
            throw self.error(.unreadable(operation: "list the directory", cause: "\(error)"))
        }
        var names: [SigningKeyName] = []
        for fileName in fileNames.sorted() where fileName.hasSuffix(SigningKeyName.suffix) {
            guard let name = SigningKeyName(fileName: fileName) else {
                throw KeyFileError(path: "\(path)/\(fileName)", problem: .unknownName)
            }
            names.append(name)
        }
        return names
    }

    private func error(_ problem: KeyFileError.Problem) -> KeyFileError { KeyFileError(path: path, problem: problem) }
}

extension OpenSSLTokenSigner {
    /// Any of the ten algorithms, for keys outside the ring as well (those that sign development identity tokens).
    /// - Parameter keyID: nil for the RFC 7638 thumbprint.
    package init(
        privateKeyFile path: String, algorithm: SignatureAlgorithm, keyID: String? = nil
    ) throws(KeyFileError) {
        let pem = try KeyFile.read(path)
        do {
            try self.init(pem, algorithm: algorithm, keyID: keyID)
        } catch {
            throw KeyFileError(path: path, problem: .key(error))
        }
    }
}
