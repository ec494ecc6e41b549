package import TokenExchange

/// The `kid`s that a fetch made for them did not bring: nobody need ask the issuer for them again soon.
package struct AbsentKeyIDs {
    /// Entries at most; each has at most 128 characters.
    package static let limit = 1_000
    /// How long an entry counts, in cool-downs. An issuer may sign with a key shortly before it publishes it.
    package static let lifetime = 6

    private let lifetime: Duration
    private var expiries: [ExactText: Duration] = [:]
    /// A ring, so that a flood costs no search for what to forget.
    private var order: [ExactText] = []
    private var oldest = 0

    /// - Parameter longest: an entry never outlives it; the soft age, by which everything is asked anew.
    package init(cooldown: Duration, longest: Duration) {
        lifetime = min(cooldown * Self.lifetime, longest)
    }

    package var count: Int { expiries.count }

    package func contains(_ keyID: ExactText, at now: Duration) -> Bool {
        expiries[keyID].map { now < $0 } ?? false
    }

    package mutating func insert(_ keyID: ExactText, at now: Duration) {
        guard expiries.updateValue(now + lifetime, forKey: keyID) == nil else { return }
        if order.count < Self.limit {
            order.append(keyID)
        } else {
            expiries[order[oldest]] = nil
            order[oldest] = keyID
            oldest = (oldest + 1) % Self.limit
        }
    }

    package mutating func removeAll() {
        (expiries, order, oldest) = ([:], [], 0)
    }
}
