import BlockingWork
import FoundationEssentials
import Glibc
package import TokenExchange

/// The service's own private keys on disk: `<algorithm>-<kid>.pem`, PKCS#8, mode 0600, and `manifest.json`, which says
/// which of them signs. Reading; what changes them stands in `SigningKeyDirectory+Commands.swift`.
///
/// A file's name repeats what its content says, so that a file that was mixed up, cut or edited is noticed by us and not
/// by verifiers. Files that do not end in `.pem` are none of ours. A directory without a manifest is one from before there
/// were any: each of its keys is active.
package struct SigningKeyDirectory: Sendable {
    package let path: String
    let passphrase: KeyPassphrase.Source
    let lockPatience: Duration

    /// - Parameters:
    ///   - passphrase: reads encrypted keys, and encrypts new ones.
    ///   - lockPatience: how long a change waits for another one.
    package init(
        path: String, passphrase: @escaping KeyPassphrase.Source = { nil }, lockPatience: Duration = .seconds(30)
    ) {
        self.path = path
        self.passphrase = passphrase
        self.lockPatience = lockPatience
    }

    /// All keys, or none. Needs no lock and no right to write: what changes meanwhile is read again.
    ///
    /// - Throws: ``KeyFileError`` for the first file that is not as it should be; no key is left out in silence.
    package func load(at now: UnixTime, times: SigningKeyTimes = SigningKeyTimes()) throws(KeyFileError) -> SigningKeys
    {
        for _ in 0..<Self.attempts {
            let before = try fingerprint()
            do throws(KeyFileError) {
                let keys = try read(manifest(at: now, times: times), at: now)
                if try fingerprint() == before { return keys }
            } catch {
                // A secret mount may be swapped between two files.
                if try fingerprint() == before { throw error }
            }
        }
        throw error(.unsteady)
    }

    private static let attempts = 5

    /// The states alone, without a look at the keys.
    package func manifest(at now: UnixTime, times: SigningKeyTimes) throws(KeyFileError) -> SigningKeyManifest {
        guard let text = try manifestText() else { return try adoptedManifest(at: now, times: times) }
        do throws(SigningKeyManifestFile.Expectation) { return try SigningKeyManifestFile.manifest(text) } catch let
            problem
        {
            throw KeyFileError(path: manifestPath, problem: .manifest(expectation: problem.text))
        }
    }

    var manifestPath: String { "\(path)/\(SigningKeyManifestFile.name)" }

    var hasManifest: Bool {
        ReadingNote.begin(manifestPath)
        return FileManager.default.fileExists(atPath: manifestPath)
    }

    /// Of the manifest on disk: empty where there is none, nil if it cannot be read.
    var listedFileNames: Set<String>? {
        guard let text = try? manifestText() else { return hasManifest ? nil : [] }
        return (try? SigningKeyManifestFile.manifest(text)).map { Set($0.keys.map(\.fileName)) }
    }

    /// Nil if there is none.
    private func manifestText() throws(KeyFileError) -> [UInt8]? {
        guard hasManifest else { return nil }
        // Whoever can write it says which key signs.
        return unsafe try KeyFile.read(
            manifestPath, problem: KeyFileError.Problem.worldWritable, at: 0o002,
            upTo: SigningKeyManifestFile.byteLimit
        ).withBytes { unsafe Array($0) }
    }

    private func adoptedManifest(at now: UnixTime, times: SigningKeyTimes) throws(KeyFileError) -> SigningKeyManifest {
        let names = try names()
        // By the order of names, since a dictionary's differs each time, and with it the problem that is told.
        for name in names {
            let same = names.filter { $0.algorithm == name.algorithm }
            if same.count > 1 { throw error(.severalKeys(name.algorithm, fileNames: same.map(\.fileName))) }
        }
        for name in names {
            let same = names.filter { $0.keyID == name.keyID }
            if same.count > 1 { throw error(.sameKey(fileNames: same.map(\.fileName))) }
        }
        return SigningKeyManifest(
            adopting: names.map { name in
                let modified = KeyFile.modificationTime("\(path)/\(name.fileName)")
                return (name.keyID, name.algorithm, modified ?? now)
            }, at: now, times: times)
    }

    /// The states, and what lies beside the manifest, without a look into the keys: whoever may not read them may see this.
    package func listing(at now: UnixTime, times: SigningKeyTimes) throws(KeyFileError) -> SigningKeyListing {
        let manifest = try manifest(at: now, times: times)
        let present = try names().map(\.fileName)
        let listed = manifest.keys.map(\.fileName)
        return SigningKeyListing(
            manifest: manifest, unlistedFiles: present.filter { !listed.contains($0) },
            missingFiles: manifest.keys.filter { !$0.isOut && !$0.isOver(at: now) }.map(\.fileName)
                .filter { !present.contains($0) })
    }

    private func read(_ manifest: SigningKeyManifest, at now: UnixTime) throws(KeyFileError) -> SigningKeys {
        let names = try names()
        let present = Set(names.map(\.fileName))
        var signers: [ExactText: OpenSSLTokenSigner] = [:]
        for record in manifest.keys where !record.isOut {
            guard present.contains(record.fileName) else {
                // `advance` removes the file of a key that is over before it forgets the key.
                if record.isOver(at: now) { continue }
                throw KeyFileError(
                    path: "\(path)/\(record.fileName)", problem: .missingKeyFile(keyID: record.keyID))
            }
            signers[record.keyID] = try signer(SigningKeyName(algorithm: record.algorithm, keyID: record.keyID))
        }
        let listed = Set(manifest.keys.map(\.fileName))
        return SigningKeys(
            manifest, unlistedFiles: names.map(\.fileName).filter { !listed.contains($0) }, signers: signers)
    }

    func signer(_ name: SigningKeyName) throws(KeyFileError) -> OpenSSLTokenSigner {
        let file = "\(path)/\(name.fileName)"
        let signer = try OpenSSLTokenSigner(privateKeyFile: file, algorithm: name.algorithm, passphrase: passphrase)
        guard signer.keyID == name.keyID else {
            throw KeyFileError(path: file, problem: .nameIsNotThumbprint(found: signer.keyID))
        }
        return signer
    }

    /// Sorted by file name.
    func names() throws(KeyFileError) -> [SigningKeyName] {
        var names: [SigningKeyName] = []
        for fileName in try fileNames() where fileName.hasSuffix(SigningKeyName.suffix) {
            guard let name = SigningKeyName(fileName: fileName) else {
                throw KeyFileError(path: "\(path)/\(fileName)", problem: .unknownName)
            }
            names.append(name)
        }
        return names
    }

    private func fileNames() throws(KeyFileError) -> [String] {
        guard let mode = KeyFile.identity(path)?.mode else {
            throw errno == ENOENT ? error(.missingDirectory) : KeyFile.failure("look at the directory", path)
        }
        guard mode & S_IFMT == S_IFDIR else { throw error(.noDirectory) }
        // Whoever can name files says which key signs. With the sticky bit, as on mounted secrets, they cannot rename ours.
        if mode & 0o1002 == 0o002 { throw error(.worldWritableDirectory(mode: mode & 0o7777)) }
        guard let stream = unsafe opendir(path) else { throw KeyFile.failure("list the directory", path) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            unsafe withUnsafeBytes(of: &entry.pointee.d_name) { name in
                names.append(unsafe String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
            }
        }
        return names.sorted()
    }

    func error(_ problem: KeyFileError.Problem) -> KeyFileError { KeyFileError(path: path, problem: problem) }
}

// MARK: - Noticing changes

extension SigningKeyDirectory {
    /// What tells one state of the directory from another, for a price of a few system calls. Polled, since what changes
    /// on a shared file system or in a swapped mount is not announced.
    package struct Fingerprint: Sendable, Equatable {
        let manifest: [UInt8]?
        let files: [String: KeyFile.Identity]
    }

    package func fingerprint() throws(KeyFileError) -> Fingerprint {
        var files: [String: KeyFile.Identity] = [:]
        for name in try fileNames() where name.hasSuffix(SigningKeyName.suffix) {
            files[name] = KeyFile.identity("\(path)/\(name)")
        }
        return Fingerprint(manifest: try manifestText(), files: files)
    }
}

extension OpenSSLTokenSigner {
    /// Any of the ten algorithms, for keys outside the ring as well (those that sign development identity tokens).
    /// - Parameter keyID: nil for the RFC 7638 thumbprint.
    package init(
        privateKeyFile path: String, algorithm: SignatureAlgorithm, keyID: ExactText? = nil,
        passphrase: KeyPassphrase.Source = { nil }
    ) throws(KeyFileError) {
        let pem = try KeyFile.read(path)
        do {
            try self.init(pem, algorithm: algorithm, keyID: keyID, passphrase: passphrase)
        } catch {
            throw KeyFileError(path: path, problem: .key(error))
        }
    }
}
