/// Which keys sign and which are published at one moment.
package struct SigningKeyPlan: Sendable, Equatable {
    /// `kid` by algorithm.
    package var signers: [SignatureAlgorithm: ExactText] = [:]
    /// `kid`s in the order of the manifest.
    package var published: [ExactText] = []
    /// Active by the manifest, but not known to all verifiers yet: another signs in their place, if there is one.
    package var waiting: [ExactText] = []

    /// Nobody signs, and nothing is published.
    package init() {}
}

/// What one process has seen of its keys itself, by its own clocks: a second opinion on the manifest's times, which a
/// command may have written while its clock was wrong.
package struct SigningKeyObservations: Sendable {
    /// When every JWK set that was cached without the key has expired, by the monotonic clock; nil if the key is older than
    /// this process.
    private var knownFrom: [ExactText: Duration?] = [:]
    /// When the last token that this process can have signed with a key expires.
    private var tokensDieBy: [ExactText: UnixTime] = [:]
    /// Held by the monotonic clock.
    private var servedMaximumAge = RetainedMaximum(.zero)
    private var now: Duration = .zero
    private var isAtStart = true

    /// Of a process that has just started: the first keys that it sees count as known to all verifiers.
    package init() {}

    /// Records the manifest's keys; to be called before a plan is made of it.
    package mutating func observe(
        _ manifest: SigningKeyManifest, keySetMaximumAge: Duration, elapsed: Duration
    ) {
        now = elapsed
        servedMaximumAge.change(to: keySetMaximumAge, at: UnixTime(milliseconds: 0).advanced(by: elapsed))
        let known = knownFrom
        knownFrom = [:]
        for key in manifest.keys where !key.isWithdrawnOrRevoked {
            // What is served from now on holds the key, for however long.
            knownFrom[key.keyID] = .some(known[key.keyID] ?? (isAtStart ? nil : elapsed + servedMaximumAge.value))
        }
        isAtStart = false
    }

    /// Records which key signs until the next plan.
    package mutating func recordSigners(
        of plan: SigningKeyPlan, at now: UnixTime, times: SigningKeyTimes, until pause: Duration
    ) {
        // What was recorded while the clock was ahead for a moment must not keep a key forever.
        let latest = now.advanced(by: pause + SigningKeyTimes.greatestLifetime + times.clockSkew)
        tokensDieBy = tokensDieBy.mapValues { min($0, latest) }
        for (algorithm, keyID) in plan.signers {
            let lifetime = times.longestLifetimes[algorithm] ?? .zero
            let end = now.advanced(by: pause + lifetime + times.clockSkew)
            tokensDieBy[keyID] = max(tokensDieBy[keyID] ?? end, end)
        }
    }

    fileprivate func hasBeenPublishedEnough(_ keyID: ExactText) -> Bool {
        guard let entry = knownFrom[keyID], let from = entry else { return true }
        return now >= from
    }

    fileprivate func mayHaveTokens(_ key: SigningKeyRecord, at time: UnixTime) -> Bool {
        switch key.state {
        case .revoked, .withdrawn: false
        case .published: tokensDieBy[key.keyID].map { $0 > time } ?? false
        case .active, .retiring: !isExpired(key, at: time)
        }
    }

    fileprivate func isExpired(_ key: SigningKeyRecord, at time: UnixTime) -> Bool {
        key.isExpired(at: time) && tokensDieBy[key.keyID].map { $0 <= time } ?? true
    }
}

extension SigningKeyManifest {
    /// Keys that another manifest does not list though their tokens may live. No command leads to that; a volume that is not
    /// mounted does, or an old backup.
    package func keysMissing(
        from other: SigningKeyManifest, at now: UnixTime, observations: SigningKeyObservations, times: SigningKeyTimes
    ) -> [ExactText] {
        // A command's clock may be ahead of ours.
        let time = now.advanced(by: times.clockSkew)
        return keys.filter { other.record($0.keyID) == nil && observations.mayHaveTokens($0, at: time) }.map(\.keyID)
    }

    /// Which keys sign and are published now. Holds both interlocks whatever the states say, unless forced; never leaves
    /// an algorithm without a signer that has a key which is not revoked.
    package func plan(
        at now: UnixTime, observations: SigningKeyObservations = SigningKeyObservations()
    ) -> SigningKeyPlan {
        let present = keys.filter { !$0.isWithdrawnOrRevoked && !observations.isExpired($0, at: now) }
        var plan = SigningKeyPlan()
        plan.published = present.map(\.keyID)
        for (algorithm, keys) in Dictionary(grouping: present, by: \.algorithm) {
            let active = keys.first { $0.state == .active }
            if let active {
                if active.isForced
                    || (active.maySignFrom <= now && observations.hasBeenPublishedEnough(active.keyID))
                {
                    plan.signers[algorithm] = active.keyID
                    continue
                }
                plan.waiting.append(active.keyID)
            }
            let former = keys.filter { $0.state == .retiring }.max { $0.since < $1.since }
            let due = keys.filter { $0.state == .published && $0.maySignFrom <= now }.min {
                $0.maySignFrom < $1.maySignFrom
            }
            plan.signers[algorithm] = (former ?? active ?? due)?.keyID
        }
        plan.waiting.sort()
        return plan
    }
}
