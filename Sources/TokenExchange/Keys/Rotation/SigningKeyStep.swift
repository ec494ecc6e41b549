/// One step of a rotation.
package enum SigningKeyStep: Sendable, Equatable {
    case generate(SignatureAlgorithm)
    case activate(keyID: ExactText)
    /// Take a key out whose tokens are dead.
    case retire(keyID: ExactText)
}

/// A step, and from when on it may be taken.
package struct DueStep: Sendable, Equatable {
    package let step: SigningKeyStep
    package let at: UnixTime
}

extension SigningKeyManifest {
    /// The step that a rotation takes next: the one that is due first. Nil if no identity provider needs a key and
    /// none is left to be taken out.
    ///
    /// A successor is made early enough to be due when the active key has signed for its time.
    package func nextStep(at now: UnixTime, times: SigningKeyTimes) -> DueStep? {
        let rotations = times.longestLifetimes.keys.sorted { $0.rawValue < $1.rawValue }.map {
            rotationStep(of: $0, at: now, times: times)
        }
        let ends = keys.filter { $0.state == .retiring }.map {
            DueStep(step: .retire(keyID: $0.keyID), at: $0.tokensDieBy ?? now)
        }
        return (rotations + ends).min { $0.at < $1.at }
    }

    private func rotationStep(
        of algorithm: SignatureAlgorithm, at now: UnixTime, times: SigningKeyTimes
    ) -> DueStep {
        guard let active = active(algorithm) else { return DueStep(step: .generate(algorithm), at: now) }
        let end = active.since.advanced(by: times.rotatesEvery)
        let waiting = keys.filter { $0.algorithm == algorithm && $0.state == .published }
        if let successor = waiting.min(by: { $0.maySignFrom < $1.maySignFrom }) {
            return DueStep(step: .activate(keyID: successor.keyID), at: max(end, successor.maySignFrom))
        }
        let ahead = keySetMaximumAge.value + times.refreshLag
        return DueStep(step: .generate(algorithm), at: end.advanced(by: .zero - ahead))
    }
}

extension SigningKeyManifest {
    /// What ``nextStep(at:times:)`` would lead to now, one step after the other, and what comes then.
    ///
    /// - Parameter newKeyID: a placeholder for the `kid` of keys that would be made.
    package func stepsDue(
        at now: UnixTime, times: SigningKeyTimes, newKeyID: (SignatureAlgorithm) -> ExactText
    ) throws(SigningKeyRefusal) -> (due: [SigningKeyStep], next: DueStep?) {
        var copy = self
        try copy.applyNewConfiguration(times, before: now)
        var due: [SigningKeyStep] = []
        while let next = copy.nextStep(at: now, times: times) {
            guard next.at <= now else { return (due, next) }
            due.append(next.step)
            _ = try copy.take(next.step, at: now, times: times, newKeyID: newKeyID)
        }
        return (due, nil)
    }

    /// - Parameter newKeyID: the `kid` of a key that the step makes.
    mutating func take(
        _ step: SigningKeyStep, at now: UnixTime, times: SigningKeyTimes, newKeyID: (SignatureAlgorithm) -> ExactText
    ) throws(SigningKeyRefusal) -> [SigningKeyChange] {
        switch step {
        case .generate(let algorithm): try publish(newKeyID(algorithm), algorithm, at: now, times: times)
        case .activate(let keyID): try activate(keyID, at: now, times: times)
        case .retire(let keyID): try retire(keyID, at: now, times: times)
        }
    }
}
