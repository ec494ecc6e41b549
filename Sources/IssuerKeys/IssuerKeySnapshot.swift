import TokenExchange

/// A key set as it was fetched. Never changes, so that the way of a known `kid` holds no lock while it looks.
final class IssuerKeySnapshot: Sendable {
    let set: IssuerKeySet
    let keys: Set<KeySetReading.Key>
    let skipped: [String]
    /// When the fetch began, on the monotonic clock: what the issuer withdrew later, nobody can have known.
    let asOf: Duration
    let usableUntil: Duration

    /// `asOf` is when the fetch began.
    init(_ reading: KeySetReading, asOf: Duration, maximumAge: Duration) {
        set = IssuerKeySet(reading.verifiers)
        keys = reading.keys
        skipped = reading.skipped.sorted()
        self.asOf = asOf
        usableUntil = asOf + maximumAge
    }

    /// The keys that the query may use; nil if there are none, and a newer set might have some.
    func verifiers(for query: IssuerKeyQuery) -> [any TokenVerifier]? {
        let verifiers = set.verifiers(for: query)
        return verifiers.isEmpty && !set.isAmbiguous(query) ? nil : verifiers
    }

    /// The `kid`s that have other keys than in `earlier`, sorted.
    func replacedKeyIDs(since earlier: Set<KeySetReading.Key>) -> [ExactText] {
        let gone = Set(earlier.subtracting(keys).compactMap(\.keyID))
        return gone.intersection(keys.subtracting(earlier).compactMap(\.keyID)).sorted()
    }
}
