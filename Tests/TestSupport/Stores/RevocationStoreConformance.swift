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
        let other = revocation("device:AAAA", now + .seconds(1))
        try await store.add(first, within: budget)
        try await expect([first], in: store)
        try await store.add(other, within: budget)
        let both = try await expect([first, other], in: store)
        try expect(try await read(store, unless: both) == nil, "nothing has changed since")
        try expect(try await read(store, unless: empty?.version) != nil, "a change goes unnoticed")

        let later = revocation("subject:AAAA", now + .milliseconds(1))
        try await store.add(later, within: budget)
        try await expect([later, other], in: store)
        try await store.add(first, within: budget)
        try await expect([later, other], in: store)

        let over = revocation("device:BBBB", now, until: now + .milliseconds(-1))
        let last = revocation("tenant:CCCC", now)
        try await store.add(over, within: budget)
        try await store.add(last, within: budget)
        try await expect([later, other, last], in: store)

        let end = now + .seconds(10 * 365 * 86400)
        let compromised = revocation("key_id:DDDD", end, until: end)
        try await store.add(revocation("key_id:DDDD", now), within: budget)
        try await store.add(compromised, within: budget)
        try await store.add(revocation("key_id:DDDD", now + .seconds(1)), within: budget)
        try await expect([later, other, last, compromised], in: store)
        try expect(compromised.isCompromisedKey, "a compromised is none")
        try await checkCoverage(store, now: now, uncovered: [other, compromised])
        try await store.checkRevocations(within: budget)
    }

    /// All sessions until a moment: what ends others is still needed, what ends some of these is not.
    private static func checkCoverage(
        _ store: any RevocationStore, now: UnixTime, uncovered: [Revocation]
    ) async throws {
        try await store.add(revocation("key_id:EEEE", now), within: budget)
        let all = revocation("all", now + .milliseconds(1))
        try await store.add(all, within: budget)
        try await expect(uncovered + [all], in: store)
        for label in ["subject:AAAA", "tenant:CCCC", "key_id:EEEE", "all"] {
            try await store.add(revocation(label, now), within: budget)
        }
        try await expect(uncovered + [all], in: store)
        let longer = revocation("subject:AAAA", now, until: all.endsAt + .seconds(1))
        let after = revocation("tenant:CCCC", now + .milliseconds(2))
        for added in [longer, after] { try await store.add(added, within: budget) }
        try await expect(uncovered + [all, longer, after], in: store)
    }

    /// At the limit, above it, and what goes beyond it.
    /// - Parameters:
    ///   - store: empty.
    ///   - fill: puts many into the store, by the shortest way.
    package static func checkRoom<Store: RevocationStore>(
        _ store: Store, now: UnixTime, fill: ([Revocation], Store) async throws -> Void
    ) async throws {
        let (limit, reserve) = (RevocationTable.limit, RevocationTable.reserve)
        let end = now + .seconds(10 * 365 * 86400)
        func many(_ kind: String, _ numbers: Range<Int>, areCompromised: Bool = false) -> [Revocation] {
            numbers.map { revocation("\(kind):A\($0)", areCompromised ? end : now, until: areCompromised ? end : nil) }
        }
        try await fill(many("subject", 0..<limit - 1) + many("key_id", 0..<limit - 1), store)
        try await store.add(revocation("device:A", now), within: budget)
        try await store.add(revocation("key_id:A", now), within: budget)
        for label in ["device:B", "key_id:B"] {
            try await expectFull { try await store.add(revocation(label, now), within: budget) }
        }
        // A later moment takes no more room.
        try await store.add(revocation("device:A", now + .milliseconds(1)), within: budget)
        // What an emergency needs.
        try await fill(
            many("tenant", 1..<reserve) + many("key_id", limit..<limit + reserve - 1, areCompromised: true), store)
        try await store.add(revocation("identity_provider:A", now), within: budget)
        try await store.add(revocation("key_id:C", end, until: end), within: budget)
        for full in [revocation("tenant:B", now), revocation("key_id:D", end, until: end)] {
            try await expectFull { try await store.add(full, within: budget) }
        }
        let full = try await read(store, unless: nil)
        try expect(full?.revocations.count == 2 * (limit + reserve), "\(full?.revocations.count ?? 0) are read")
        try await store.add(revocation("all", now + .seconds(1)), within: budget)
        let left = try await read(store, unless: nil)?.revocations ?? []
        try expect(left.count == 1 + reserve, "\(left.count) instead of all, and the compromised keys")
        try expect(left.allSatisfy { $0.isCompromisedKey || $0.cohort.kind == .all }, "what is covered stays")
    }

    private static func expectFull(_ add: () async throws -> Void) async throws {
        do { try await add() } catch let failure as SessionStoreFailure {
            return try expect(failure.cause == .refused(code: "FULL"), "\(failure)")
        }
        throw ConformanceFailure(description: "more is taken than there is room for")
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
