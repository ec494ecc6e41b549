import Glibc
package import TokenExchange

/// What changes the keys. Each change holds the directory's lock, starts from what is on disk then, and replaces the manifest
/// in one step. So two commands at once take turns, and one that fails or is killed leaves the old state or the new one. The
/// time is read under the lock.
extension SigningKeyDirectory {
    /// NIST SP 800-57 Part 1 Rev. 5 has 2048 bits suffice until 2030, and our tokens live for hours; 3072 bits would
    /// triple the cost of signing and make every token 170 characters longer.
    static let rsaBits = 2048

    /// Makes a key, and the directory (mode 0700) if there is none. The first key of its algorithm is active at once,
    /// others are published. Takes up a key file that the manifest does not list yet, if there is one for the algorithm.
    @discardableResult
    package func generate(
        algorithm: SignatureAlgorithm, at now: @autoclosure () -> UnixTime,
        times: SigningKeyTimes = SigningKeyTimes()
    ) throws(KeyFileError) -> SigningKeyRecord {
        guard SignatureAlgorithm.minting.contains(algorithm) else { throw error(.notForMinting(algorithm)) }
        try makeDirectory()
        return try change(at: now, times: times) { draft, now throws(KeyFileError) in
            try draft.publish(algorithm, at: now, times: times)
        }
    }

    /// Makes a key sign from now on; an active one stays as it is.
    package func activate(
        _ keyID: ExactText, at now: @autoclosure () -> UnixTime, times: SigningKeyTimes, isForced: Bool = false
    ) throws(KeyFileError) -> [SigningKeyChange] {
        try change(at: now, times: times) { draft, now throws(KeyFileError) in
            try draft.step { manifest throws(SigningKeyRefusal) in
                try manifest.activate(keyID, at: now, times: times, isForced: isForced)
            }
        }
    }

    /// Stops a key from signing, or removes it if its tokens have expired; see ``SigningKeyManifest/retire(_:at:times:isForced:)``.
    package func retire(
        _ keyID: ExactText, at now: @autoclosure () -> UnixTime, times: SigningKeyTimes, isForced: Bool = false
    ) throws(KeyFileError) -> [SigningKeyChange] {
        try change(at: now, times: times) { draft, now throws(KeyFileError) in
            try draft.step { manifest throws(SigningKeyRefusal) in
                try manifest.retire(keyID, at: now, times: times, isForced: isForced)
            }
        }
    }

    /// Ends a key at once. If no other can sign, a new one does, or none if none can be made. Other keys' files need not be
    /// in order; a key whose file is not cannot take over.
    package func revoke(
        _ keyID: ExactText, at now: @autoclosure () -> UnixTime, times: SigningKeyTimes
    ) throws(KeyFileError) -> [SigningKeyChange] {
        try change(at: now, times: times, checkingKeys: false) { draft, now throws(KeyFileError) in
            let passedOver = unusableSuccessors(of: keyID, in: draft.manifest)
            let unusable = Set(passedOver.map(\.keyID))
            do throws(KeyFileError) {
                return passedOver
                    + (try draft.step { manifest throws(SigningKeyRefusal) in
                        try manifest.revoke(keyID, at: now, times: times, passingOver: unusable)
                    })
            } catch {
                guard case .refused(.onlyKey(_, let algorithm)) = error.problem else { throw error }
                var (changes, spare) = (passedOver, SigningKeyName?.none)
                do throws(KeyFileError) { spare = try draft.makeKey(algorithm) } catch {
                    guard let record = draft.manifest.record(keyID) else { throw error }
                    changes.append(.notReplaced(record, problem: "\(error)"))
                }
                let spareID = spare?.keyID
                return changes
                    + (try draft.step { manifest throws(SigningKeyRefusal) in
                        try manifest.revoke(
                            keyID, at: now, times: times, passingOver: unusable, spare: spareID, mayLeaveNone: true)
                    })
            }
        }
    }

    /// Keys that cannot take over from an active one, since their files cannot be read; none for one that is not active.
    package func unusableSuccessors(of keyID: ExactText, in manifest: SigningKeyManifest) -> [SigningKeyChange] {
        guard let record = manifest.record(keyID), record.state == .active else { return [] }
        return manifest.keys.compactMap { other in
            guard other.algorithm == record.algorithm, [.published, .retiring].contains(other.state) else { return nil }
            do throws(KeyFileError) {
                _ = try signer(SigningKeyName(algorithm: other.algorithm, keyID: other.keyID))
                return nil
            } catch { return .passedOver(other, problem: "\(error)") }
        }
    }

    /// Takes every step that is due; a second call at the same time does nothing. Never makes the first key: a directory
    /// without any may be a volume that is not mounted.
    package func advance(
        at now: @autoclosure () -> UnixTime, times: SigningKeyTimes
    ) throws(KeyFileError) -> [SigningKeyChange] {
        try refuseEmpty()
        return try change(at: now, times: times) { draft, now throws(KeyFileError) in
            var changes: [SigningKeyChange] = []
            _ = try draft.step { manifest throws(SigningKeyRefusal) in
                try manifest.applyNewConfiguration(times, before: now)
                return []
            }
            while let due = draft.manifest.nextStep(at: now, times: times), due.at <= now {
                switch due.step {
                case .generate(let algorithm):
                    let key = try draft.publish(algorithm, at: now, times: times)
                    changes.append(key.state == .active ? .activated(key) : .published(key))
                case .activate(let keyID):
                    changes += try draft.step { manifest throws(SigningKeyRefusal) in
                        try manifest.activate(keyID, at: now, times: times)
                    }
                case .retire(let keyID):
                    changes += try draft.step { manifest throws(SigningKeyRefusal) in
                        try manifest.retire(keyID, at: now, times: times)
                    }
                }
            }
            return changes
        }
    }

    /// What ``advance(at:times:)`` would do, and what comes then. Refuses what that refuses.
    ///
    /// - Parameter newKeyID: a placeholder for the `kid` of keys that would be made.
    package func stepsDue(
        at now: UnixTime, times: SigningKeyTimes, newKeyID: (SignatureAlgorithm) -> ExactText
    ) throws(KeyFileError) -> (due: [SigningKeyStep], next: DueStep?) {
        try refuseEmpty()
        let manifest = try load(at: now, times: times).manifest
        do { return try manifest.stepsDue(at: now, times: times, newKeyID: newKeyID) } catch {
            throw self.error(.refused(error))
        }
    }

    private func refuseEmpty() throws(KeyFileError) {
        if hasManifest { return }
        guard try !names().isEmpty else { throw error(.emptyDirectory) }
    }

    /// - Parameter checkingKeys: whether every key has to be in order first.
    private func change<Result>(
        at time: () -> UnixTime, times: SigningKeyTimes, checkingKeys: Bool = true,
        _ body: (inout KeyDirectoryDraft, UnixTime) throws(KeyFileError) -> Result
    ) throws(KeyFileError) -> Result {
        let lock = try KeyDirectoryLock(path, patience: lockPatience)
        // Not before: a prompt or another command may have taken a while.
        let now = time()
        let manifest = try checkingKeys ? load(at: now, times: times).manifest : manifest(at: now, times: times)
        // Before there is a second key, something must say which of them signs.
        if !hasManifest { try write(manifest, in: lock) }
        var draft = KeyDirectoryDraft(self, manifest, lock: lock)
        do {
            let result = try body(&draft, now)
            try draft.save()
            return result
        } catch {
            draft.discard()
            throw error
        }
    }

    /// Refuses a manifest that could not be read again.
    func write(_ manifest: SigningKeyManifest, in lock: borrowing KeyDirectoryLock) throws(KeyFileError) {
        let text = SigningKeyManifestFile.text(manifest)
        let limit = SigningKeyManifestFile.byteLimit
        guard text.count <= limit else { throw KeyFileError(path: manifestPath, problem: .tooLarge(limit: limit)) }
        try KeyFile.replace(manifestPath, mode: 0o644, in: lock, SecretBytes(copying: text))
    }

    /// With the folders that lead to it.
    private func makeDirectory() throws(KeyFileError) {
        for end in path.indices.filter({ path[$0] == "/" }).dropFirst() + [path.endIndex] {
            let folder = String(path[..<end])
            guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw KeyFile.failure("make the directory", folder)
            }
        }
    }
}
