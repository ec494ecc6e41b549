/// Something that happened to a key, or will happen, and when.
package struct SigningKeyMoment: Sendable, Equatable {
    package let at: UnixTime
    package let change: SigningKeyChange

    package init(at: UnixTime, _ change: SigningKeyChange) {
        self.at = at
        self.change = change
    }
}

extension SigningKeyManifest {
    /// What has happened to the keys, as far as the manifest knows, and what a rotation will do, in the order of time.
    package func timeline(at now: UnixTime, times: SigningKeyTimes) -> [SigningKeyMoment] {
        past(at: now) + forecast(at: now, times: times) { ExactText("(the new \($0.rawValue) key)") }
    }

    /// What the manifest still knows of the past, in the order of time: when each key entered its state, and when a
    /// retiring key took over, if the key before it is still there. Revocations are told for ``shownRevocations``.
    func past(at now: UnixTime) -> [SigningKeyMoment] {
        let moments = keys.flatMap { key -> [SigningKeyMoment] in
            let entry = { SigningKeyMoment(at: key.since, $0) }
            let isRecent = now - key.since < Self.shownRevocations
            switch key.state {
            case .published: return [entry(.published(key))]
            case .active: return [entry(.activated(key))]
            case .retiring:
                let former = keys.filter {
                    $0.algorithm == key.algorithm && $0.state == .retiring && $0.since < key.since
                }
                let takeover = former.map(\.since).max().map { SigningKeyMoment(at: $0, .activated(key)) }
                return [takeover].compactMap { $0 } + [entry(.retiring(key))]
            case .revoked: return isRecent ? [entry(.revoked(key))] : []
            case .withdrawn: return isRecent ? [entry(.removed(key, isWithdrawn: true))] : []
            }
        }
        return moments.sorted { $0.at < $1.at }
    }

    private static let shownRevocations: Duration = .seconds(30 * 86400)

    /// What a rotation will do, in the order of time, if every step is taken when it is due: until each algorithm has
    /// changed its key once. Steps that are overdue are taken now.
    ///
    /// - Parameter newKeyID: a placeholder for the `kid` of a key that would be made.
    func forecast(
        at now: UnixTime, times: SigningKeyTimes, newKeyID: (SignatureAlgorithm) -> ExactText
    ) -> [SigningKeyMoment] {
        var (copy, time, moments) = (self, now, [SigningKeyMoment]())
        var changed: Set<SignatureAlgorithm> = []
        try? copy.applyNewConfiguration(times, before: now)
        while moments.count < Self.forecastLimit, let next = copy.nextStep(at: time, times: times) {
            if case .generate(let algorithm) = next.step, changed.contains(algorithm) { break }
            time = max(time, next.at)
            guard let changes = try? copy.take(next.step, at: time, times: times, newKeyID: newKeyID) else { break }
            for case .activated(let key) in changes { changed.insert(key.algorithm) }
            moments += changes.map { SigningKeyMoment(at: time, $0) }
        }
        return moments
    }

    /// More than anybody can look at: a manifest may be full of keys that end.
    private static let forecastLimit = 100
}
