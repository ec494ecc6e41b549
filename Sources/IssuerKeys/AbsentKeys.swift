package import TokenExchange

/// Keys, by `kid` and algorithm, that a fetch for them did not bring, so that the issuer is not asked for them again soon.
package struct AbsentKeys {
    /// What a key is asked for by.
    package struct Name: Hashable, Sendable {
        /// Nil if the token names no key.
        let keyID: ExactText?
        let algorithm: SignatureAlgorithm

        /// Copies the `kid`, so that an entry does not keep a whole token in memory.
        package init(_ query: IssuerKeyQuery) {
            keyID = query.keyID?.detached
            algorithm = query.algorithm
        }
    }

    /// Entries at most; each has at most 128 characters.
    package static let limit = 1_000
    /// How long an entry counts, in cool-downs. An issuer may sign with a key shortly before it publishes it.
    package static let lifetime = 6

    private let lifetime: Duration
    private var expiries: [Name: Duration] = [:]
    /// A ring, so that a flood costs no search for what to forget.
    private var order: [Name] = []
    private var oldest = 0

    /// - Parameter longest: an entry never outlives it; the soft age, by which everything is asked again.
    package init(cooldown: Duration, longest: Duration) {
        lifetime = min(cooldown * Self.lifetime, longest)
    }

    /// Entries on record, expired ones included.
    package var count: Int { expiries.count }

    /// False for an entry that has expired.
    package func contains(_ name: Name, at now: Duration) -> Bool {
        expiries[name].map { now < $0 } ?? false
    }

    /// Beyond ``limit`` the oldest entry goes.
    package mutating func insert(_ name: Name, at now: Duration) {
        guard expiries.updateValue(now + lifetime, forKey: name) == nil else { return }
        if order.count < Self.limit {
            order.append(name)
        } else {
            expiries[order[oldest]] = nil
            order[oldest] = name
            oldest = (oldest + 1) % Self.limit
        }
    }

    /// For a set that has changed: it may have any of them.
    package mutating func removeAll() {
        (expiries, order, oldest) = ([:], [], 0)
    }
}
