import TokenExchange

/// A key set as it was fetched. Never changes, so that the way of a known `kid` holds no lock while it looks.
final class IssuerKeySnapshot: Sendable {
    let set: IssuerKeySet
    let keys: Set<KeySetReading.Key>
    let skipped: [String]
    /// When the fetch began, on the monotonic clock: what the issuer withdrew later, nobody can have known.
    let asOf: Duration
    let usableUntil: Duration
    private let keyIDs: Set<ExactText>

    init(_ reading: KeySetReading, asOf: Duration, maximumAge: Duration) {
        set = IssuerKeySet(reading.verifiers)
        keys = reading.keys
        skipped = reading.skipped.sorted()
        keyIDs = Set(reading.verifiers.compactMap(\.keyID))
        self.asOf = asOf
        usableUntil = asOf + maximumAge
    }

    /// The keys that the query may use; nil where a newer set might have them, which is so for an unknown `kid` only.
    func verifiers(for query: IssuerKeyQuery) -> [any TokenVerifier]? {
        let verifiers = set.verifiers(for: query)
        guard verifiers.isEmpty, let keyID = query.keyID, !keyIDs.contains(keyID) else { return verifiers }
        return nil
    }

    func has(_ keyID: ExactText) -> Bool { keyIDs.contains(keyID) }

    /// Names that stand for other material than in `earlier`, sorted.
    func replacedKeyIDs(since earlier: Set<KeySetReading.Key>) -> [ExactText] {
        let material = Dictionary(grouping: earlier.filter { $0.keyID != nil }, by: \.keyID)
        return keys.subtracting(earlier).compactMap { material[$0.keyID] == nil ? nil : $0.keyID }.sorted()
    }
}
