import Glibc
import TokenExchange

/// A change of a key directory that is being made: the manifest as it will be, new key files, and files that are to go.
///
/// The order is one in which a crash does no harm at any moment: new files, then the manifest, then old files are set
/// aside. The file of an expired key goes before the manifest forgets the key, so that it cannot be taken for a new one.
struct KeyDirectoryDraft: ~Copyable {
    /// As it will be saved.
    private(set) var manifest: SigningKeyManifest
    private let old: SigningKeyManifest
    private let directory: SigningKeyDirectory
    private let lock: KeyDirectoryLock
    private var newFiles: [String] = []
    private var expiredFiles: [String] = []
    private var filesToSetAside: [String] = []

    /// `manifest` is the one on disk. The lock ends with the draft.
    init(_ directory: SigningKeyDirectory, _ manifest: SigningKeyManifest, lock: consuming KeyDirectoryLock) {
        self.directory = directory
        self.manifest = manifest
        old = manifest
        self.lock = lock
    }

    // MARK: Saving

    /// Writes nothing if nothing has changed.
    func save() throws(KeyFileError) {
        guard manifest != old else { return }
        for file in expiredFiles { unsafe unlink("\(directory.path)/\(file)") }
        try directory.write(manifest, in: lock)
        // The manifest decides from now on: a file that cannot be moved is shown as unlisted, or not read as revoked.
        for file in filesToSetAside {
            unsafe rename("\(directory.path)/\(file)", "\(directory.path)/\(file)\(Self.setAsideSuffix)")
        }
    }

    /// Of key files that are kept though nothing reads them any more.
    private static let setAsideSuffix = ".removed"

    /// Removes the new files, unless the manifest got as far as naming them.
    func discard() {
        guard let listed = directory.listedFileNames else { return }
        for file in newFiles where !listed.contains(file) { unsafe unlink("\(directory.path)/\(file)") }
    }

    // MARK: Steps

    /// Takes a step of the state machine, whose refusal becomes an error of this directory.
    mutating func step(
        _ body: (inout SigningKeyManifest) throws(SigningKeyRefusal) -> [SigningKeyChange]
    ) throws(KeyFileError) -> [SigningKeyChange] {
        let changes: [SigningKeyChange]
        do { changes = try body(&manifest) } catch { throw directory.error(.refused(error)) }
        for change in changes {
            switch change {
            case .removed(let record, isWithdrawn: false): expiredFiles.append(record.fileName)
            case .removed(let record, isWithdrawn: true), .revoked(let record): filesToSetAside.append(record.fileName)
            case .published, .activated, .retiring, .passedOver, .notReplaced: break
            }
        }
        return changes
    }

    /// Takes up a key file that the manifest does not list, or makes a key.
    mutating func publish(
        _ algorithm: SignatureAlgorithm, at now: UnixTime, times: SigningKeyTimes
    ) throws(KeyFileError) -> SigningKeyRecord {
        // Before a file is made, so that a refusal leaves none behind.
        if let refusal = manifest.refusal(of: .generate(algorithm), at: now, times: times) {
            throw directory.error(.refused(refusal))
        }
        var name = try unlistedKey(algorithm)
        if name == nil { name = try makeKey(algorithm) }
        guard let keyID = name?.keyID else { preconditionFailure("there is a key by now") }
        let changes = try step { manifest throws(SigningKeyRefusal) in
            try manifest.publish(keyID, algorithm, at: now, times: times)
        }
        guard case .published(let record)? = changes.first else { preconditionFailure("publishing publishes") }
        return record
    }

    private func unlistedKey(_ algorithm: SignatureAlgorithm) throws(KeyFileError) -> SigningKeyName? {
        let listed = Set(manifest.keys.map(\.keyID))
        guard
            let name = try directory.names().first(where: { $0.algorithm == algorithm && !listed.contains($0.keyID) })
        else { return nil }
        _ = try directory.signer(name)
        return name
    }

    /// A key in a new file, which is removed if the change is discarded.
    mutating func makeKey(_ algorithm: SignatureAlgorithm) throws(KeyFileError) -> SigningKeyName {
        let passphrase: KeyPassphrase?
        do { passphrase = try directory.passphrase() } catch {
            throw directory.error(.noPassphrase(cause: "\(error)"))
        }
        let key: (name: SigningKeyName, handle: KeyHandle)
        let pem: SecretBytes
        do throws(OpenSSLFailure) {
            key = try Self.newKey(algorithm)
            pem = try key.handle.privateKeyPEM(passphrase: passphrase)
        } catch {
            throw directory.error(.notGenerated(cause: error.cause))
        }
        newFiles.append(key.name.fileName)
        let model = (manifest.active(algorithm) ?? manifest.keys.first { $0.state == .active })?.fileName
        try KeyFile.create(
            "\(directory.path)/\(key.name.fileName)", like: model.map { "\(directory.path)/\($0)" }, in: lock, pem)
        return key.name
    }

    private static func newKey(_ algorithm: SignatureAlgorithm) throws(OpenSSLFailure) -> (SigningKeyName, KeyHandle) {
        while true {
            let key = try KeyHandle.generate(algorithm.keyType, rsaBits: SigningKeyDirectory.rsaBits)
            guard let parameters = key.parameters else { throw OpenSSLFailure(cause: "the new key cannot be read") }
            // One that starts with a dash would look like an option on a command line.
            guard !parameters.thumbprint.hasPrefix("-") else { continue }
            return (SigningKeyName(algorithm: algorithm, keyID: parameters.thumbprint), key)
        }
    }
}
