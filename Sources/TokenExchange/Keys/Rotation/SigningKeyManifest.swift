/// The state of all signing keys, and the rules by which it changes: a value without I/O, with the time passed in.
///
/// The life of a key is `published` → `active` → `retiring` → gone, and from each of these `revoked`. Two interlocks hold
/// whatever is done here without force:
///
/// * **A key does not sign before every verifier can know it.** It becomes due (``SigningKeyRecord/maySignFrom``) once it
///   has been published for the `max-age` of the JWK set and the time in which replicas notice a change. Both are taken as
///   they are when it is published, or as they were while responses with a longer `max-age` may still be cached.
/// * **A key does not leave before its last token.** When it stops signing, the end of its last token is written down, so
///   that later changes of the configuration cannot shorten it.
///
/// The commands change the manifest; every replica reads it and holds both interlocks again by its own clock
/// (``plan(at:observations:)``), and takes up no manifest that has lost a key whose tokens may live
/// (``keysMissing(from:at:observations:times:)``), so that a wrong manifest does no harm either.
package struct SigningKeyManifest: Sendable, Equatable {
    /// In the order of their publication. Revoked and withdrawn keys stay for ``memoryOfRevocations``, so that a restored
    /// file cannot bring them back.
    package internal(set) var keys: [SigningKeyRecord]
    /// The last change; no later step is dated before it.
    package internal(set) var writtenAt: UnixTime
    /// The `max-age` of the JWK set, as long as older responses may be cached.
    package internal(set) var keySetMaximumAge: RetainedMaximum
    /// The longest life of tokens, by algorithm, as long as older tokens may live.
    package internal(set) var lifetimes: [SignatureAlgorithm: RetainedMaximum]

    /// The most keys that there may be for another to be published. A rotation leaves two of each algorithm.
    package static let keyLimit = 4096
    /// As long as the session store remembers them. No backup that is older brings back a key that somebody still has.
    static let memoryOfRevocations: Duration = .seconds(10 * 365 * 86400)

    package init(
        keys: [SigningKeyRecord], writtenAt: UnixTime, keySetMaximumAge: RetainedMaximum,
        lifetimes: [SignatureAlgorithm: RetainedMaximum]
    ) {
        self.keys = keys
        self.writtenAt = writtenAt
        self.keySetMaximumAge = keySetMaximumAge
        self.lifetimes = lifetimes
    }

    /// Of a directory that has none yet: every key there is active, since when its file says.
    package init(
        adopting keys: [(keyID: ExactText, algorithm: SignatureAlgorithm, since: UnixTime)], at now: UnixTime,
        times: SigningKeyTimes
    ) {
        let now = UnixTime(milliseconds: now.milliseconds)
        self.init(
            keys: keys.map { key in
                let since = min(UnixTime(milliseconds: key.since.milliseconds), now)
                return SigningKeyRecord(
                    keyID: key.keyID, algorithm: key.algorithm, state: .active, since: since, maySignFrom: since)
            },
            writtenAt: now, keySetMaximumAge: RetainedMaximum(times.keySetMaximumAge), lifetimes: [:])
        // A provider may have used the key until a moment ago.
        for key in keys {
            lifetimes[key.algorithm] = RetainedMaximum(SigningKeyTimes.greatestLifetime)
        }
        applyConfiguration(times, at: now)
    }

    /// Revoked and withdrawn keys included.
    package func record(_ keyID: ExactText) -> SigningKeyRecord? { keys.first { $0.keyID == keyID } }

    /// The key that signs by its state; ``plan(at:observations:)`` says who signs now.
    package func active(_ algorithm: SignatureAlgorithm) -> SigningKeyRecord? {
        keys.first { $0.algorithm == algorithm && $0.state == .active }
    }

    /// Records what the configuration says, before a step counts on it.
    mutating func applyConfiguration(_ times: SigningKeyTimes, at now: UnixTime) {
        let old = keySetMaximumAge.value
        keySetMaximumAge.change(to: times.keySetMaximumAge, at: now)
        // A replica that has yet to notice a new key may serve a set without it for the longer time.
        if keySetMaximumAge.value > old {
            for index in keys.indices where keys[index].state == .published {
                let due = dueTime(publishedAt: keys[index].since, times: times)
                keys[index].maySignFrom = max(keys[index].maySignFrom, due)
            }
        }
        for algorithm in Set(lifetimes.keys).union(times.longestLifetimes.keys) {
            let current = times.longestLifetimes[algorithm] ?? .zero
            let old = lifetimes[algorithm]?.value ?? .zero
            lifetimes[algorithm, default: RetainedMaximum(current)].change(to: current, at: now)
            if current > old { extendRetiring(algorithm, at: now, times: times) }
        }
        lifetimes = lifetimes.filter { $0.value.value > .zero }
    }

    /// A replica that has yet to notice that a key signs no more may sign with it for the longer time.
    private mutating func extendRetiring(_ algorithm: SignatureAlgorithm, at now: UnixTime, times: SigningKeyTimes) {
        for index in keys.indices where keys[index].algorithm == algorithm && keys[index].state == .retiring {
            let since = keys[index].since
            guard since.advanced(by: times.refreshLag + times.clockSkew) > now else { continue }
            let end = lastTokenEnd(algorithm, at: since, times: times)
            keys[index].tokensDieBy = keys[index].tokensDieBy.map { max($0, end) }
        }
    }

    /// When a key that is published now becomes due.
    func dueTime(publishedAt now: UnixTime, times: SigningKeyTimes) -> UnixTime {
        now.advanced(by: keySetMaximumAge.value + times.refreshLag)
    }

    /// When the last token of a key that stops signing now expires. Replicas notice late that it stops.
    func lastTokenEnd(_ algorithm: SignatureAlgorithm, at now: UnixTime, times: SigningKeyTimes) -> UnixTime {
        now.advanced(by: (lifetimes[algorithm]?.value ?? .zero) + times.refreshLag + times.clockSkew)
    }
}

extension SigningKeyManifest {
    /// This one with a key revoked, even if no other can sign: better no token than one that must not be trusted.
    package func revoking(_ keyID: ExactText, at now: UnixTime, times: SigningKeyTimes) -> SigningKeyManifest {
        var copy = self
        _ = try? copy.revoke(keyID, at: now, times: times, mayLeaveNone: true)
        return copy
    }
}
