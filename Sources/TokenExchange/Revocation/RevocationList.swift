import Synchronization

/// The revoked cohorts as this replica knows them, read anew every second; a session is held against them by its time of
/// issue. So a revocation costs the same whether it ends one session or a million, and one that is written a moment later
/// by a request that was under way is over as well.
///
/// Replicas compare times of issue with each other's clocks: where those differ, sessions of that difference count on the
/// wrong side.
package final class RevocationList: Sendable {
    package enum Verdict: Sendable, Equatable {
        case stands
        case revoked
        /// The list has not been read lately, so nobody can tell.
        case unknown
    }

    private struct State {
        var version: ExactText?
        var watermarks: [CohortLabel: Revocation] = [:]
        var kinds: Set<Cohort.Kind> = []
        /// By the monotonic clock.
        var readAt: Duration?
        var keysAreBurnt: @Sendable () -> Void = {}
        /// What counts, but was not in the store at the last reading.
        var lost: [Revocation] = []

        var burns: Set<CohortLabel> { Set(watermarks.values.filter(\.isBurn).map(\.cohort)) }

        /// What was known stays until it has expired: a failover or a loss of data undoes no revocation. What the store
        /// lists has not expired, even if our clock says so for a moment.
        mutating func take(_ stored: StoredRevocations, at now: UnixTime) {
            version = stored.version
            let stored = Dictionary(stored.revocations.map { ($0.cohort, $0) }) { _, last in last }
            watermarks = watermarks.filter { $0.value.endsAt > now }
                .merging(stored) { $0.issuedBefore < $1.issuedBefore ? $1 : $0 }
            lost = watermarks.values.filter { known in
                stored[known.cohort].map { $0.issuedBefore < known.issuedBefore } ?? true
            }
            kinds = Set(watermarks.keys.map(\.kind))
        }
    }

    private let state = Mutex(State())
    private let store: any RevocationStore
    private let vault: SessionVault
    private let time: TimeSource
    /// No verdict is given by a list that was not read for so long; nil: a list that is never late.
    private let maximumAge: Duration?

    /// A revocation counts on all replicas within these together: between two readings, and for one of them.
    private static let pause: Duration = .seconds(1)
    private static let budget: Duration = .seconds(1)
    /// A store that has lost thousands gets them back bit by bit; meanwhile they count here.
    private static let restoredAtOnce = 32
    /// Within this a revocation is promised to count everywhere.
    package static let promise: Duration = .seconds(5)
    /// No session lives longer; the configuration allows no more.
    static let longestLifetime = SigningKeyTimes.greatestLifetime

    package init(
        store: any RevocationStore, vault: SessionVault, time: TimeSource,
        maximumAge: Duration? = RevocationList.promise
    ) {
        self.store = store
        self.vault = vault
        self.time = time
        self.maximumAge = maximumAge
    }

    // MARK: Asking

    /// - Parameters:
    ///   - keyID: the `kid` of a JWT.
    ///   - latestIssue: where the session's own time of issue is rounded down.
    package func verdict(on session: SessionRecord, keyID: ExactText?, latestIssue: UnixTime? = nil) -> Verdict {
        let issuedAt = latestIssue ?? session.issuedAt
        let state = state.withLock { $0 }
        let isRevoked = state.kinds.contains { kind in
            vault.labels(of: session, keyID: keyID, kind: kind).contains { label in
                state.watermarks[label].map { issuedAt <= $0.issuedBefore } ?? false
            }
        }
        return isRevoked ? .revoked : isFresh(state) ? .stands : .unknown
    }

    /// Whether the key is burnt, whatever else is known of it.
    package func isRevoked(keyID: ExactText) -> Bool {
        guard state.withLock({ $0.kinds.contains(.keyID) }), let cohort = Cohort(.keyID, keyID) else { return false }
        let label = vault.label(of: cohort)
        return state.withLock { $0.watermarks[label]?.isBurn ?? false }
    }

    /// Has `action` called after each reading that finds a key burnt which was not: who signs must not wait to learn of it.
    package func whenKeysAreBurnt(_ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.keysAreBurnt = action }
    }

    private func isFresh(_ state: State) -> Bool {
        guard let maximumAge else { return true }
        return state.readAt.map { time.elapsed() - $0 <= maximumAge } ?? false
    }

    package var count: Int { state.withLock(\.watermarks.count) }

    // MARK: Revoking

    /// Ends the sessions of a cohort that were issued until `moment`, on all replicas within ``promise``.
    /// - Parameter moment: nil for now, and for a key it is burnt then: what it signs later is over as well. A later one
    ///   counts as now, since new logins must not be dead already.
    /// - Throws: ``Failure`` where that could not be recorded.
    package func revoke(_ cohort: Cohort, issuedBefore moment: UnixTime? = nil) async throws(Failure) {
        let now = time.now()
        let label = vault.label(of: cohort)
        let revocation =
            cohort.kind == .keyID && moment == nil
            ? Revocation(burning: label, at: now)
            : Revocation(cohort: label, issuedBefore: min(moment ?? now, now), endsAt: now + Self.longestLifetime)
        do {
            try await store.add(revocation, within: Self.budget)
            try await read()
        } catch { throw Failure(error) }
    }

    // MARK: Reading

    /// Reads every second until the task is cancelled.
    package func run(sleep: @Sendable (Duration) async throws -> Void) async {
        repeat { await refresh() } while (try? await sleep(Self.pause)) != nil
    }

    /// Reads, and writes back what the store has lost.
    package func refresh() async {
        guard (try? await read()) != nil else { return }
        let end = time.elapsed() + Self.budget
        for revocation in state.withLock({ $0.lost.prefix(Self.restoredAtOnce) }) {
            let budget = end - time.elapsed()
            guard budget > .zero, (try? await store.add(revocation, within: budget)) != nil else { return }
        }
    }

    package func read() async throws(SessionStoreFailure) {
        let (began, now) = (time.elapsed(), time.now())
        let known = state.withLock(\.version)
        let stored = try await store.revocations(unless: known, within: Self.budget)
        let keysAreBurnt = state.withLock { state -> (@Sendable () -> Void)? in
            // Of two readings that overtake one another the one that began later counts.
            guard state.readAt.map({ $0 <= began }) ?? true else { return nil }
            state.readAt = began
            guard let stored else { return nil }
            let burns = state.burns
            state.take(stored, at: now)
            return state.burns.isSubset(of: burns) ? nil : state.keysAreBurnt
        }
        keysAreBurnt?()
    }
}
