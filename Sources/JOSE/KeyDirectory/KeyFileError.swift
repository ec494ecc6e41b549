import BlockingWork
package import TokenExchange

/// A key file or key directory that cannot be used: where, what was expected, what was found, what to do.
package struct KeyFileError: Error, Equatable {
    /// What was found instead of what was expected.
    package enum Problem: Sendable, Equatable {
        case missingDirectory
        /// A file, or something else, is there.
        case noDirectory
        /// `operation` is what we tried, `cause` what the operating system said.
        case unreadable(operation: String, cause: String)
        /// Nothing came of it within `limit`.
        case hangs(limit: Duration)
        case noRegularFile
        case tooLarge(limit: Int)
        /// `mode` are the permission bits.
        case worldAccessible(mode: UInt32)
        case worldWritable(mode: UInt32)
        case worldWritableDirectory(mode: UInt32)
        /// A `.pem` that is not named `<algorithm>-<kid>.pem`.
        case unknownName
        case key(KeyPEMError)
        /// The `kid` in the name is not the key's RFC 7638 thumbprint.
        case nameIsNotThumbprint(found: ExactText)
        /// Without a manifest nobody can say which of them signs.
        case severalKeys(SignatureAlgorithm, fileNames: [String])
        /// One RSA key for two algorithms.
        case sameKey(fileNames: [String])
        /// A key of the manifest without its file.
        case missingKeyFile(keyID: ExactText)
        /// `expectation` is what the manifest should have held, and where.
        case manifest(expectation: String)
        /// A service has these keys and their tokens may live, but the manifest does not list them.
        case missingFromManifest([ExactText])
        /// Neither a manifest nor a key.
        case emptyDirectory
        /// Files changed while they were read, time and again.
        case unsteady
        /// Another command has been changing the directory for longer than `patience`.
        case locked(patience: Duration)
        case noActiveKey(SignatureAlgorithm)
        case refused(SigningKeyRefusal)
        /// Verified here, never minted with.
        case notForMinting(SignatureAlgorithm)
        case notGenerated(cause: String)
        /// New keys are to be encrypted, and the passphrase cannot be read.
        case noPassphrase(cause: String)
    }

    package let path: String
    package let problem: Problem

    /// `path` is the file's, or the directory's if none of its files is to blame.
    package init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }
}

extension KeyFileError: CustomStringConvertible {
    package var description: String { "\(path): \(explanation)" }

    private var explanation: String {
        switch problem {
        case .missingDirectory:
            "expected a directory, found none; make one with: countersign keys generate --config FILE"
        case .noDirectory: "expected a directory, found something else; name another as signing.directory"
        case .unreadable(let operation, let cause):
            "cannot \(operation): \(cause)" + (Self.remedy(for: cause).map { "; \($0)" } ?? "")
        case .hangs(let limit): FileHangs(path: nil, limit: limit).expectation
        case .noRegularFile: "expected a regular file, found something else"
        case .tooLarge(let limit): "expected a file of at most \(limit) bytes, found more; restore it from a backup"
        case .worldAccessible(let mode):
            "expected a private key that only its owner can read (mode 0600), found mode 0\(String(mode, radix: 8)); "
                + "fix it with: chmod 600, and replace the key if others may have read it"
        case .worldWritable(let mode):
            "expected a file that only its owner can write, found mode 0\(String(mode, radix: 8)); whoever writes it says "
                + "which key signs; fix it with: chmod 644, and look at it"
        case .worldWritableDirectory(let mode):
            "expected a directory that others cannot write, found mode 0\(String(mode, radix: 8)); whoever writes it says "
                + "which key signs; fix it with: chmod o-w, and look at it"
        case .unknownName:
            "expected a name of the form <algorithm>-<kid>.pem with an algorithm of "
                + "\(Self.mintingAlgorithms), found another; move the file elsewhere, or make keys with: "
                + "countersign keys generate --config FILE"
        case .key(let error): error.description
        case .nameIsNotThumbprint(let found):
            "expected a key whose RFC 7638 thumbprint is the kid in the file's name, found \(found); "
                + "rename the file if this is the right key"
        case .severalKeys(let algorithm, let fileNames):
            "expected \(SigningKeyManifestFile.name), which says which key signs, found none and several keys for "
                + "\(algorithm.rawValue) (\(fileNames.joined(separator: ", "))); restore the manifest from a backup, or "
                + "move all keys but one elsewhere"
        case .sameKey(let fileNames):
            "expected each key once, found the same in \(fileNames.joined(separator: " and ")); move one of them elsewhere, "
                + "and make another key for its algorithm"
        case .missingKeyFile(let keyID):
            "expected the file of key \(keyID), which the manifest names, found none; restore it from a backup, or end "
                + "the key with: countersign keys revoke \(keyID) --config FILE"
        case .manifest(let expectation):
            "expected \(expectation); copy the manifest again from where it is whole, or restore it from a backup"
        case .missingFromManifest(let keyIDs):
            "expected \(keyIDs.map(\.description).joined(separator: " and ")) in the manifest, as tokens of it may live, found it gone; mount "
                + "the volume, or restore the newest manifest and its keys. A restart or SIGHUP takes it as it is, and "
                + "breaks those tokens"
        case .emptyDirectory:
            "expected \(SigningKeyManifestFile.name), found an empty directory; mount the volume if keys should be there, "
                + "or make the first with: countersign keys generate --config FILE"
        case .unsteady: "expected a directory that rests for a moment, found it changing each time; try again"
        case .locked(let patience):
            "another countersign command has held the directory's lock for \(patience.components.seconds) s; let it end, "
                + "or end it, and try again"
        case .noActiveKey(let algorithm):
            "expected an active \(algorithm.rawValue) key, found none; make one with: "
                + "countersign keys generate --algorithm \(algorithm.rawValue) --config FILE"
        case .refused(let refusal): refusal.description
        case .notForMinting(let algorithm):
            "expected one of \(Self.mintingAlgorithms), found \(algorithm.rawValue), which is only verified here"
        case .notGenerated(let cause): "OpenSSL cannot make a key: \(cause)"
        case .noPassphrase(let cause): "cannot encrypt a new key: \(cause)"
        }
    }

    /// By the words of strerror(3); nil if they say it all.
    private static func remedy(for cause: String) -> String? {
        switch cause {
        case "Permission denied":
            "let the user who runs this read it as its owner or by its group (chown, chgrp, chmod 640)"
        case "Read-only file system":
            "make keys where the folder can be written, and mount or copy it here; or mount it writable (in a systemd unit "
                + "ReadWritePaths=)"
        case "No space left on device": "make room; nothing was changed"
        default: nil
        }
    }

    private static let mintingAlgorithms = SignatureAlgorithm.minting.map(\.rawValue).joined(separator: ", ")
}
