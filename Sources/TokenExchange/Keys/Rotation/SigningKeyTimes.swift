/// The times that a rotation has to wait for, all from the configuration.
package struct SigningKeyTimes: Sendable, Equatable {
    /// The `max-age` that our JWK set is served with.
    package let keySetMaximumAge: Duration
    /// Until every replica has noticed a change of the key directory.
    package let refreshLag: Duration
    /// How far a verifier's or a replica's clock may be off.
    package let clockSkew: Duration
    /// How long a key signs before ``SigningKeyManifest/nextStep(at:times:)`` has another take over.
    package let rotatesEvery: Duration
    /// The longest life of a token, for each algorithm that an identity provider uses.
    package let longestLifetimes: [SignatureAlgorithm: Duration]

    /// The longest life that the configuration allows: for keys whose tokens nobody knows of.
    package static let greatestLifetime: Duration = .seconds(86400)

    /// With the defaults of the configuration, and no identity provider.
    package init(
        keySetMaximumAge: Duration = .seconds(600), refreshLag: Duration = .seconds(120),
        clockSkew: Duration = .seconds(30), rotatesEvery: Duration = .seconds(90 * 86400),
        longestLifetimes: [SignatureAlgorithm: Duration] = [:]
    ) {
        self.keySetMaximumAge = keySetMaximumAge
        self.refreshLag = refreshLag
        self.clockSkew = clockSkew
        self.rotatesEvery = rotatesEvery
        self.longestLifetimes = longestLifetimes
    }
}

/// A duration of the configuration that may be lowered: an old value counts until everything that was given out under it
/// has expired.
package struct RetainedMaximum: Sendable, Equatable {
    /// An earlier value, and until when it counts.
    package struct Former: Sendable, Equatable {
        package let value: Duration
        package let heldUntil: UnixTime

        /// `heldUntil` is when the last that was given out under `value` expires.
        package init(_ value: Duration, heldUntil: UnixTime) {
            self.value = value
            self.heldUntil = heldUntil
        }
    }

    /// What the configuration said last.
    package private(set) var current: Duration
    /// Earlier, longer values, the longest first; each ends after all that are longer.
    package private(set) var former: [Former]

    /// `former` in the order of ``former``.
    package init(_ current: Duration, former: [Former] = []) {
        self.current = current
        self.former = former
    }

    /// The longest that counts.
    package var value: Duration { former.map(\.value).reduce(current, max) }

    /// Records what the configuration says now. When it was lowered is unknown, so it counts as just now.
    package mutating func change(to new: Duration, at now: UnixTime) {
        if new < current {
            let last = Former(current, heldUntil: now.advanced(by: current))
            former.removeAll { $0.value <= last.value && $0.heldUntil <= last.heldUntil }
            if !former.contains(where: { $0.heldUntil >= last.heldUntil }) { former.append(last) }
        }
        current = new
        former.removeAll { $0.heldUntil <= now || $0.value <= new }
    }
}
