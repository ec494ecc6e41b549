import BlockingWork
import FoundationEssentials
import Glibc
package import TokenExchange

/// The service's own private keys on disk: `<algorithm>-<kid>.pem`, PKCS#8, mode 0600, and `manifest.json`, which says
/// which of them signs. This file reads them; `SigningKeyDirectory+Commands.swift` changes them.
///
/// A file's name repeats what its content says, so that a file that was mixed up, cut or edited is noticed here and not by
/// verifiers. Files that do not end in `.pem` are ignored. In a directory without a manifest every key is active: it is
/// from before there were manifests.
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
        try snapshot(from: fingerprint(), at: now, times: times).keys.get()
    }

    /// What the directory holds, read at one moment: the manifest once before the keys and once after them.
    ///
    /// - Parameter fingerprint: of the present state; holds the first reading of the manifest.
    /// - Throws: if the directory or the manifest cannot be read. What is wrong with them otherwise is in the snapshot.
    package func snapshot(
        from fingerprint: Fingerprint, at now: UnixTime, times: SigningKeyTimes
    ) throws(KeyFileError) -> Snapshot {
        var fingerprint = fingerprint
        for _ in 0..<Self.attempts {
            let snapshot = snapshot(of: fingerprint, at: now, times: times)
            let after = try self.fingerprint()
            // Otherwise a secret mount may have been swapped between two files.
            if after == fingerprint { return snapshot }
            fingerprint = after
        }
        let manifest = try? manifest(of: fingerprint, at: now, times: times)
        return Snapshot(fingerprint: fingerprint, manifest: manifest, keys: .failure(error(.unsteady)))
    }

    private static let attempts = 5

    private func snapshot(of fingerprint: Fingerprint, at now: UnixTime, times: SigningKeyTimes) -> Snapshot {
        var manifest: SigningKeyManifest?
        do throws(KeyFileError) {
            let states = try self.manifest(of: fingerprint, at: now, times: times)
            manifest = states
            let keys = try keys(states, names: names(of: fingerprint.files.keys), at: now)
            return Snapshot(fingerprint: fingerprint, manifest: states, keys: .success(keys))
        } catch {
            return Snapshot(fingerprint: fingerprint, manifest: manifest, keys: .failure(error))
        }
    }

    /// The states alone, without a look at the keys; nor at the directory, if there is a manifest.
    package func manifest(at now: UnixTime, times: SigningKeyTimes) throws(KeyFileError) -> SigningKeyManifest {
        guard let text = try manifestText() else { return try adoptedManifest(fingerprint(), at: now, times: times) }
        return try manifest(text)
    }

    private func manifest(
        of fingerprint: Fingerprint, at now: UnixTime, times: SigningKeyTimes
    ) throws(KeyFileError) -> SigningKeyManifest {
        guard let text = fingerprint.manifest else { return try adoptedManifest(fingerprint, at: now, times: times) }
        return try manifest(text)
    }

    private func manifest(_ text: [UInt8]) throws(KeyFileError) -> SigningKeyManifest {
        do throws(SigningKeyManifestFile.Expectation) { return try SigningKeyManifestFile.manifest(text) } catch let
            problem
        {
            throw KeyFileError(path: manifestPath, problem: .manifest(expectation: problem.text))
        }
    }

    /// Of `manifest.json`, whether or not it exists.
    var manifestPath: String { "\(path)/\(SigningKeyManifestFile.name)" }

    /// Whether `manifest.json` exists; it need not be readable.
    var hasManifest: Bool {
        ReadingNote.begin(manifestPath)
        return FileManager.default.fileExists(atPath: manifestPath)
    }

    /// The key files that the manifest on disk names: none if there is no manifest, nil if it cannot be read.
    var listedFileNames: Set<String>? {
        guard let text = try? manifestText() else { return hasManifest ? nil : [] }
        return (try? SigningKeyManifestFile.manifest(text)).map { Set($0.keys.map(\.fileName)) }
    }

    /// Nil if there is none.
    private func manifestText() throws(KeyFileError) -> [UInt8]? {
        guard hasManifest else { return nil }
        // Everybody who can write it decides which key signs.
        return unsafe try KeyFile.read(
            manifestPath, problem: KeyFileError.Problem.worldWritable, at: 0o002,
            upTo: SigningKeyManifestFile.byteLimit
        ).withBytes { unsafe Array($0) }
    }

    private func adoptedManifest(
        _ fingerprint: Fingerprint, at now: UnixTime, times: SigningKeyTimes
    ) throws(KeyFileError) -> SigningKeyManifest {
        let names = try names(of: fingerprint.files.keys)
        // In the order of names, so that the same problem is reported each time.
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
                let modified = fingerprint.files[name.fileName]??.modified
                return (name.keyID, name.algorithm, modified.map { UnixTime(seconds: $0.inSeconds) } ?? now)
            }, at: now, times: times)
    }

    /// The states, and which files there are, without reading a key: for users who may not read keys.
    package func listing(at now: UnixTime, times: SigningKeyTimes) throws(KeyFileError) -> SigningKeyListing {
        let manifest = try manifest(at: now, times: times)
        let present = try names().map(\.fileName)
        let listed = manifest.keys.map(\.fileName)
        return SigningKeyListing(
            manifest: manifest, unlistedFiles: present.filter { !listed.contains($0) },
            missingFiles: manifest.keys.filter { !$0.isWithdrawnOrRevoked && !$0.isExpired(at: now) }.map(\.fileName)
                .filter { !present.contains($0) })
    }

    private func keys(
        _ manifest: SigningKeyManifest, names: [SigningKeyName], at now: UnixTime
    ) throws(KeyFileError) -> SigningKeys {
        let present = Set(names.map(\.fileName))
        var signers: [ExactText: OpenSSLTokenSigner] = [:]
        for record in manifest.keys where !record.isWithdrawnOrRevoked {
            guard present.contains(record.fileName) else {
                // `advance` removes the file of an expired key before it forgets the key.
                if record.isExpired(at: now) { continue }
                throw KeyFileError(
                    path: "\(path)/\(record.fileName)", problem: .missingKeyFile(keyID: record.keyID))
            }
            signers[record.keyID] = try signer(SigningKeyName(algorithm: record.algorithm, keyID: record.keyID))
        }
        let listed = Set(manifest.keys.map(\.fileName))
        return SigningKeys(
            manifest, unlistedFiles: names.map(\.fileName).filter { !listed.contains($0) }, signers: signers)
    }

    /// Reads a key, and checks that it is the one that its file's name promises.
    func signer(_ name: SigningKeyName) throws(KeyFileError) -> OpenSSLTokenSigner {
        let file = "\(path)/\(name.fileName)"
        let signer = try OpenSSLTokenSigner(privateKeyFile: file, algorithm: name.algorithm, passphrase: passphrase)
        guard signer.keyID == name.keyID else {
            throw KeyFileError(path: file, problem: .nameIsNotThumbprint(found: signer.keyID))
        }
        return signer
    }

    /// The names of all key files, sorted.
    func names() throws(KeyFileError) -> [SigningKeyName] { try names(of: keyFileNames()) }

    private func names(of fileNames: some Sequence<String>) throws(KeyFileError) -> [SigningKeyName] {
        var names: [SigningKeyName] = []
        for fileName in fileNames.sorted() {
            guard let name = SigningKeyName(fileName: fileName) else {
                throw KeyFileError(path: "\(path)/\(fileName)", problem: .unknownName)
            }
            names.append(name)
        }
        return names
    }

    private func keyFileNames() throws(KeyFileError) -> [String] {
        guard let mode = KeyFile.stamp(path)?.mode else {
            throw errno == ENOENT ? error(.missingDirectory) : KeyFile.failure("look at the directory", path)
        }
        guard mode & S_IFMT == S_IFDIR else { throw error(.noDirectory) }
        // Everybody who can rename files decides which key signs. With the sticky bit, as on mounted secrets, they cannot rename ours.
        if mode & 0o1002 == 0o002 { throw error(.worldWritableDirectory(mode: mode & 0o7777)) }
        guard let stream = unsafe opendir(path) else { throw KeyFile.failure("list the directory", path) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            unsafe withUnsafeBytes(of: &entry.pointee.d_name) { name in
                names.append(unsafe String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
            }
        }
        return names.filter { $0.hasSuffix(SigningKeyName.suffix) }
    }

    /// A problem of the directory as a whole.
    func error(_ problem: KeyFileError.Problem) -> KeyFileError { KeyFileError(path: path, problem: problem) }
}

// MARK: - Noticing changes

extension SigningKeyDirectory {
    /// What tells one state of the directory from another, for the price of a few system calls. Polled, since what changes
    /// on a shared file system or in a swapped mount is not announced.
    package struct Fingerprint: Sendable, Equatable {
        /// The text of `manifest.json`; nil if there is none.
        let manifest: [UInt8]?
        /// By the name of a key's file; nil for one that is named, but not there.
        let files: [String: KeyFile.Stamp?]
    }

    /// The directory as one reading found it.
    package struct Snapshot: Sendable {
        package let fingerprint: Fingerprint
        /// Nil if it cannot be read.
        package let manifest: SigningKeyManifest?
        /// Or the first thing that keeps them from being used.
        package let keys: Result<SigningKeys, KeyFileError>
    }

    /// Reads the manifest, and looks at the key files without reading them.
    package func fingerprint() throws(KeyFileError) -> Fingerprint {
        var files: [String: KeyFile.Stamp?] = [:]
        for name in try keyFileNames() {
            files.updateValue(KeyFile.stamp("\(path)/\(name)"), forKey: name)
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
