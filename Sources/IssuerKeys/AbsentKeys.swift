package import TokenExchange

/// The keys that a fetch made for them did not bring, by `kid` and algorithm: nobody need ask the issuer for them again
/// soon.
package struct AbsentKeys {
    package struct Name: Hashable, Sendable {
        /// Nil if the token names no key.
        let keyID: ExactText?
        let algorithm: SignatureAlgorithm

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

    package var count: Int { expiries.count }

    package func contains(_ name: Name, at now: Duration) -> Bool {
        expiries[name].map { now < $0 } ?? false
    }

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

    package mutating func removeAll() {
        (expiries, order, oldest) = ([:], [], 0)
    }
}
