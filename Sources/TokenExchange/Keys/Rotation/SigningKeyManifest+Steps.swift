/// What a step did to keys, for people.
package enum SigningKeyChange: Sendable, Equatable {
    case published(SigningKeyRecord)
    case activated(SigningKeyRecord)
    case retiring(SigningKeyRecord)
    /// Out of the JWK set and the manifest. `isWithdrawn`: before its time.
    case removed(SigningKeyRecord, isWithdrawn: Bool)
    case revoked(SigningKeyRecord)
    /// Could have taken over if its file were in order; `problem` is what is wrong with it.
    case passedOver(SigningKeyRecord, problem: String)
    /// Was revoked, and no other key could take over or be made; `problem` is why.
    case notReplaced(SigningKeyRecord, problem: String)
}

extension SigningKeyManifest {
    /// Adds a key. The first of its algorithm is active at once: nothing else could sign.
    package mutating func publish(
        _ keyID: ExactText, _ algorithm: SignatureAlgorithm, at time: UnixTime, times: SigningKeyTimes
    ) throws(SigningKeyRefusal) -> [SigningKeyChange] {
        let now = try beginPublishing(at: time, times)
        guard record(keyID) == nil else { throw .knownKey(keyID: keyID) }
        let record = SigningKeyRecord(
            keyID: keyID, algorithm: algorithm, state: active(algorithm) == nil ? .active : .published, since: now,
            // Before there was any key nobody fetched a JWK set that lacks this one.
            maySignFrom: keys.isEmpty ? now : dueTime(publishedAt: now, times: times))
        keys.append(record)
        return record.state == .active ? [.published(record), .activated(record)] : [.published(record)]
    }

    /// Makes a key sign from now on, and the one that did retire. An active key stays as it is.
    package mutating func activate(
        _ keyID: ExactText, at time: UnixTime, times: SigningKeyTimes, isForced: Bool = false
    ) throws(SigningKeyRefusal) -> [SigningKeyChange] {
        let now = try begin(at: time, times)
        let record = try known(keyID)
        if let refusal = refusal(of: .activate(keyID: keyID), record, at: now, times: times) {
            guard isForced, case .publishedTooBriefly = refusal else { throw refusal }
        }
        return record.state == .active ? [] : takeOver(record, at: now, times: times)
    }

    /// Stops a key from signing: an active one gives way to a successor that is due, a published one is withdrawn, one whose
    /// tokens have expired is removed. One that is retiring stays so, unless forced out.
    package mutating func retire(
        _ keyID: ExactText, at time: UnixTime, times: SigningKeyTimes, isForced: Bool = false
    ) throws(SigningKeyRefusal) -> [SigningKeyChange] {
        let now = try begin(at: time, times)
        let record = try known(keyID)
        switch record.state {
        case .revoked: throw .revoked(keyID: keyID)
        case .withdrawn: return []
        case .published: return [remove(record, isWithdrawn: true)]
        case .retiring:
            if record.isExpired(at: now) { return [remove(record, isWithdrawn: false)] }
            guard isForced else { return [] }
            // Its record stays, so that services see that it was meant.
            return [.removed(update(keyID) { $0.state = .withdrawn }, isWithdrawn: true)]
        case .active:
            let candidates = successors(of: record, at: now, times: times).filter { $0.state == .published }
            guard let successor = candidates.first else { throw .onlyKey(keyID: keyID, record.algorithm) }
            if successor.maySignFrom > now, !isForced {
                throw .publishedTooBriefly(keyID: successor.keyID, until: successor.maySignFrom)
            }
            return takeOver(successor, at: now, times: times)
        }
    }

    /// Ends a key at once. An active one gives way to the best other key, due or not: a key that some verifiers do not know
    /// yet does less harm than a compromised one.
    ///
    /// - Parameters:
    ///   - unusable: `kid`s of keys that cannot take over.
    ///   - spare: a new key, used if no other can sign.
    ///   - mayLeaveNone: whether no key at all may sign afterwards.
    /// - Throws: ``SigningKeyRefusal/onlyKey(keyID:_:)`` if a spare is needed and there is none.
    package mutating func revoke(
        _ keyID: ExactText, at time: UnixTime, times: SigningKeyTimes, passingOver unusable: Set<ExactText> = [],
        spare: ExactText? = nil, mayLeaveNone: Bool = false
    ) throws(SigningKeyRefusal) -> [SigningKeyChange] {
        let now = beginAnyway(at: time, times)
        guard let record = record(keyID) else { throw .unknownKey(keyID: keyID) }
        guard record.state != .revoked else { return [] }
        let candidates = (record.state == .active ? successors(of: record, at: now, times: times) : [])
            .filter { !unusable.contains($0.keyID) }
        let needsSpare = record.state == .active && candidates.isEmpty
        guard !needsSpare || spare != nil || mayLeaveNone else { throw .onlyKey(keyID: keyID, record.algorithm) }
        var changes: [SigningKeyChange] = []
        if let successor = candidates.first {
            changes += takeOver(successor, at: now, times: times).filter { $0.keyID != keyID }
        }
        let end = record.state == .published ? now : lastTokenEnd(record.algorithm, at: now, times: times)
        let revoked = update(keyID) {
            $0.tokensDieBy = $0.tokensDieBy ?? end
            $0.state = .revoked
            $0.since = now
        }
        if needsSpare, let spare {
            let new = SigningKeyRecord(
                keyID: spare, algorithm: record.algorithm, state: .active, since: now,
                maySignFrom: dueTime(publishedAt: now, times: times), isForced: true)
            keys.append(new)
            changes += [.published(new), .activated(new)]
        }
        return [.revoked(revoked)] + changes
    }

    /// Applies the configuration before the steps that are due; dated only if it says something new.
    package mutating func applyNewConfiguration(_ times: SigningKeyTimes, before time: UnixTime)
        throws(SigningKeyRefusal)
    {
        var changed = self
        _ = try changed.begin(at: time, times)
        let date = changed.writtenAt
        changed.writtenAt = writtenAt
        guard changed != self else { return }
        changed.writtenAt = date
        self = changed
    }

    /// Why a step would be refused without force; nil if it needs none.
    package func refusal(
        of step: SigningKeyStep, at time: UnixTime, times: SigningKeyTimes
    ) -> SigningKeyRefusal? {
        var copy = self
        do throws(SigningKeyRefusal) {
            switch step {
            case .generate: _ = try copy.beginPublishing(at: time, times)
            case .activate(let keyID): _ = try copy.activate(keyID, at: time, times: times)
            case .retire(let keyID): _ = try copy.retire(keyID, at: time, times: times)
            }
            return nil
        } catch { return error }
    }
}

extension SigningKeyManifest {
    /// The time that counts for a step: never before the last change.
    private mutating func begin(at time: UnixTime, _ times: SigningKeyTimes) throws(SigningKeyRefusal) -> UnixTime {
        guard time.advanced(by: times.clockSkew) >= writtenAt else {
            throw .clockBehind(now: time, writtenAt: writtenAt)
        }
        return beginAnyway(at: time, times)
    }

    /// For a step that adds a key, except a revocation, which nothing may keep from being done.
    private mutating func beginPublishing(
        at time: UnixTime, _ times: SigningKeyTimes
    ) throws(SigningKeyRefusal) -> UnixTime {
        let now = try begin(at: time, times)
        guard keys.count < Self.keyLimit else { throw .tooManyKeys(limit: Self.keyLimit) }
        return now
    }

    private mutating func beginAnyway(at time: UnixTime, _ times: SigningKeyTimes) -> UnixTime {
        writtenAt = max(UnixTime(milliseconds: time.milliseconds), writtenAt)
        applyConfiguration(times, at: writtenAt)
        keys.removeAll { $0.isWithdrawnOrRevoked && $0.since.advanced(by: Self.memoryOfRevocations) <= writtenAt }
        return writtenAt
    }

    private func known(_ keyID: ExactText) throws(SigningKeyRefusal) -> SigningKeyRecord {
        guard let record = record(keyID) else { throw .unknownKey(keyID: keyID) }
        return record
    }

    private func refusal(
        of step: SigningKeyStep, _ record: SigningKeyRecord, at now: UnixTime, times: SigningKeyTimes
    ) -> SigningKeyRefusal? {
        switch record.state {
        case .active: nil
        case .revoked, .withdrawn: .revoked(keyID: record.keyID)
        case .published:
            record.maySignFrom > now ? .publishedTooBriefly(keyID: record.keyID, until: record.maySignFrom) : nil
        case .retiring:
            isEnding(record, at: now, times: times)
                ? .ending(keyID: record.keyID, tokensDieBy: record.tokensDieBy ?? now) : nil
        }
    }

    /// Whether a replica whose clock is ahead may have dropped it from the JWK set by the time all notice a change.
    private func isEnding(_ record: SigningKeyRecord, at now: UnixTime, times: SigningKeyTimes) -> Bool {
        record.tokensDieBy.map { $0 <= now.advanced(by: times.refreshLag + times.clockSkew) } ?? true
    }

    /// Keys that could relieve an active one, the best first: due ones, then former ones that verifiers still know, then
    /// those that verifiers may not know yet.
    private func successors(
        of active: SigningKeyRecord, at now: UnixTime, times: SigningKeyTimes
    ) -> [SigningKeyRecord] {
        let others = keys.filter { $0.algorithm == active.algorithm && $0.keyID != active.keyID }
        let published = others.filter { $0.state == .published }.sorted { $0.maySignFrom < $1.maySignFrom }
        let former = others.filter { $0.state == .retiring && !isEnding($0, at: now, times: times) }
            .sorted { $0.since > $1.since }
        return published.filter { $0.maySignFrom <= now } + former + published.filter { $0.maySignFrom > now }
    }

    private mutating func takeOver(
        _ record: SigningKeyRecord, at now: UnixTime, times: SigningKeyTimes
    ) -> [SigningKeyChange] {
        var changes: [SigningKeyChange] = []
        if let former = active(record.algorithm) {
            let end = lastTokenEnd(record.algorithm, at: now, times: times)
            changes.append(
                .retiring(
                    update(former.keyID) {
                        $0.state = .retiring
                        $0.since = now
                        $0.tokensDieBy = end
                    }))
        }
        let new = update(record.keyID) {
            $0.isForced = $0.maySignFrom > now
            $0.state = .active
            $0.since = now
            $0.tokensDieBy = nil
        }
        return [.activated(new)] + changes
    }

    private mutating func remove(_ record: SigningKeyRecord, isWithdrawn: Bool) -> SigningKeyChange {
        keys.removeAll { $0.keyID == record.keyID }
        return .removed(record, isWithdrawn: isWithdrawn)
    }

    private mutating func update(_ keyID: ExactText, _ change: (inout SigningKeyRecord) -> Void) -> SigningKeyRecord {
        guard let index = keys.firstIndex(where: { $0.keyID == keyID }) else { preconditionFailure("an unknown key") }
        change(&keys[index])
        return keys[index]
    }
}

extension SigningKeyChange {
    /// Of the key that the change is about.
    package var keyID: ExactText {
        switch self {
        case .published(let key), .activated(let key), .retiring(let key), .removed(let key, _), .revoked(let key),
            .passedOver(let key, _), .notReplaced(let key, _):
            key.keyID
        }
    }
}
