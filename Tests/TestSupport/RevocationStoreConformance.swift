package import TokenExchange

/// What every adapter of ``RevocationStore`` must do.
package enum RevocationStoreConformance {
    private static let budget = Duration.seconds(5)

    /// - Parameters:
    ///   - store: empty.
    ///   - now: by the store's clock, which stands still.
    package static func check(_ store: any RevocationStore, now: UnixTime) async throws {
        let empty = try await read(store, unless: nil)
        try expect(empty?.revocations == [], "an empty store has revocations")
        try expect(try await read(store, unless: empty?.version) == nil, "nothing has changed")

        let first = revocation("subject:AAAA", now)
        let second = revocation("all", now + .seconds(1))
        try await store.add(first, within: budget)
        try await expect([first], in: store)
        try await store.add(second, within: budget)
        let both = try await expect([first, second], in: store)
        try expect(try await read(store, unless: both) == nil, "nothing has changed since")
        try expect(try await read(store, unless: empty?.version) != nil, "a change goes unnoticed")

        let later = revocation("subject:AAAA", now + .milliseconds(1))
        try await store.add(later, within: budget)
        try await expect([later, second], in: store)
        try await store.add(first, within: budget)
        try await expect([later, second], in: store)

        let over = revocation("device:BBBB", now, until: now + .milliseconds(-1))
        let last = revocation("tenant:CCCC", now)
        try await store.add(over, within: budget)
        try await store.add(last, within: budget)
        try await expect([later, second, last], in: store)

        let end = now + .seconds(10 * 365 * 86400)
        let burn = revocation("key_id:DDDD", end, until: end)
        try await store.add(revocation("key_id:DDDD", now), within: budget)
        try await store.add(burn, within: budget)
        try await store.add(revocation("key_id:DDDD", now + .seconds(1)), within: budget)
        try await expect([later, second, last, burn], in: store)
        try expect(burn.isBurn, "a burn is none")
    }

    private static func revocation(_ label: String, _ moment: UnixTime, until end: UnixTime? = nil) -> Revocation {
        guard let cohort = CohortLabel(label) else { preconditionFailure("no label: \(label)") }
        return Revocation(cohort: cohort, issuedBefore: moment, endsAt: end ?? moment + .seconds(600))
    }

    private static func read(_ store: any RevocationStore, unless version: ExactText?) async throws
        -> StoredRevocations?
    {
        try await store.revocations(unless: version, within: budget)
    }

    @discardableResult
    private static func expect(_ revocations: [Revocation], in store: any RevocationStore) async throws -> ExactText? {
        let stored = try await read(store, unless: nil)
        let found = (stored?.revocations ?? []).sorted { $0.cohort.text < $1.cohort.text }
        let wanted = revocations.sorted { $0.cohort.text < $1.cohort.text }
        try expect(found == wanted, "\(found) instead of \(wanted)")
        return stored?.version
    }

    private static func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw ConformanceFailure(description: message()) }
    }
}
