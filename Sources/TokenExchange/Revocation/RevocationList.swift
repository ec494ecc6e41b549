import Synchronization

/// The revoked cohorts that this replica knows, read from the store every second. A session is compared with them by
/// its time of issue. So a revocation costs the same whether it ends one session or a million, and it also ends a
/// session that a request in progress writes a moment later.
///
/// Replicas compare times that were taken by each other's clocks: if two clocks differ, a session issued within the
/// difference may count on the wrong side.
package final class RevocationList: Sendable {
    /// Whether a session was revoked.
    package enum Verdict: Sendable, Equatable {
        /// It was not revoked.
        case stands
        case revoked
        /// The list was not read recently enough to tell.
        case unknown
    }

    private struct State {
        var known = RevocationKnowledge()
        var keysAreCompromised: @Sendable () -> Void = {}
    }

    private let state = Mutex(State())
    private let store: any RevocationStore
    private let vault: SessionVault
    private let time: TimeSource
    /// An older list gives no verdict; nil for a list that is never out of date.
    private let maximumAge: Duration?

    private let tell: @Sendable (RevocationEvent) -> Void
    /// For the age of a list that was never read.
    private let madeAt: Duration

    /// Between two readings. With ``readingBudget``, the time within which a revocation counts on all replicas.
    private static let pause: Duration = .seconds(1)
    /// For one reading.
    package static let readingBudget: Duration = .seconds(1)
    /// Between two readings while they fail.
    private static let shortPause: Duration = .milliseconds(250)
    /// For recording a revocation.
    private static let writingBudget: Duration = .seconds(2)
    /// How many lost revocations one ``refresh()`` writes back; the others count here all the same.
    private static let restoredAtOnce = 32
    /// The documented time within which a revocation counts on all replicas.
    package static let promise: Duration = .seconds(5)
    /// No session lives longer; the configuration allows no more.
    static let longestLifetime = SigningKeyTimes.greatestLifetime

    /// - Parameters:
    ///   - maximumAge: an older list gives no verdict; nil for a store that cannot fall behind.
    ///   - tell: gets what the operator should know.
    package init(
        store: any RevocationStore, vault: SessionVault, time: TimeSource,
        maximumAge: Duration? = RevocationList.promise, tell: @escaping @Sendable (RevocationEvent) -> Void = { _ in }
    ) {
        self.store = store
        self.vault = vault
        self.time = time
        self.maximumAge = maximumAge
        self.tell = tell
        madeAt = time.elapsed()
    }

    // MARK: Asking

    /// Does not wait; see ``verdict(on:keyID:within:)``.
    /// - Parameters:
    ///   - keyID: the `kid` of a JWT.
    ///   - latestIssue: the latest time of issue possible, if the session's own is rounded down.
    package func verdict(on session: SessionRecord, keyID: ExactText?, latestIssue: UnixTime? = nil) -> Verdict {
        let issuedAt = latestIssue ?? session.issuedAt
        let known = state.withLock(\.known)
        let isRevoked = known.kinds.contains { kind in
            vault.labels(of: session, keyID: keyID, kind: kind).contains { label in
                known.watermarks[label].map { issuedAt <= $0.issuedBefore } ?? false
            }
        }
        return isRevoked ? .revoked : isFresh ? .stands : .unknown
    }

    /// As ``verdict(on:keyID:latestIssue:)``; a list that is too old is read first.
    /// - Throws: why it could not be read.
    package func verdict(
        on session: SessionRecord, keyID: ExactText?, within budget: Duration
    ) async throws(SessionStoreFailure) -> Verdict {
        let verdict = verdict(on: session, keyID: keyID)
        guard verdict == .unknown, budget > .zero else { return verdict }
        try await read(within: budget)
        return self.verdict(on: session, keyID: keyID)
    }

    /// Whether the key was revoked as compromised.
    package func isRevoked(keyID: ExactText) -> Bool {
        guard state.withLock({ $0.known.kinds.contains(.keyID) }), let cohort = Cohort(.keyID, keyID) else {
            return false
        }
        let label = vault.label(of: cohort)
        return state.withLock { $0.known.watermarks[label]?.isCompromisedKey ?? false }
    }

    /// Calls `action` whenever a key is newly found compromised, so that it stops signing at once.
    package func whenKeysAreCompromised(_ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.keysAreCompromised = action }
    }

    /// Whether the list was read recently enough to call a session good.
    package var isFresh: Bool {
        guard let maximumAge else { return true }
        return state.withLock(\.known.readAt).map { time.elapsed() - $0 <= maximumAge } ?? false
    }

    /// Time since the list was read; if it never was, since this process began.
    package var age: Duration { time.elapsed() - (state.withLock(\.known.readAt) ?? madeAt) }

    /// How many cohorts are revoked.
    package var count: Int { state.withLock(\.known.watermarks.count) }

    /// How many entries in the store's list are not revocations.
    package var unreadableCount: Int { state.withLock(\.known.unreadable) }

    /// Why the last reading failed; nil if it did not.
    package var failure: SessionStoreFailure.Cause? { state.withLock(\.known.failure) }

    // MARK: Revoking

    /// Ends the sessions of a cohort that were issued at `moment` or before, on all replicas within ``promise``.
    /// - Parameter moment: nil for now; for a key, nil also marks it as compromised, so that all it signs later is
    ///   revoked, too. A moment in the future counts as now, since it would end sessions that are yet to begin.
    /// - Throws: ``Failure`` if the revocation could not be recorded.
    @discardableResult
    package func revoke(
        _ cohort: Cohort, issuedBefore moment: UnixTime? = nil
    ) async throws(Failure) -> RevokedCohort {
        // To the millisecond, as stores keep it: what is read again must be no later.
        let now = UnixTime(milliseconds: time.now().milliseconds)
        let label = vault.label(of: cohort)
        state.withLock { $0.known.own.formUnion([label]) }
        defer { state.withLock { $0.known.own.subtract([label]) } }
        let revocation =
            cohort.kind == .keyID && moment == nil
            ? Revocation(compromised: label, at: now)
            : Revocation(
                cohort: label, issuedBefore: UnixTime(milliseconds: min(moment ?? now, now).milliseconds),
                endsAt: now.advanced(by: Self.longestLifetime))
        let end = time.elapsed() + Self.writingBudget
        do { try await store.add(revocation, within: Self.writingBudget) } catch { throw Failure(error) }
        // It counts here at once, whether or not the list can be read.
        learn {
            $0.add(revocation)
            return []
        }
        try? await read(within: max(end - time.elapsed(), .zero))
        return RevokedCohort(
            cohort: cohort, issuedBefore: revocation.isCompromisedKey ? nil : revocation.issuedBefore)
    }

    // MARK: Reading

    /// Reads every second until the task is cancelled.
    package func run(sleep: @Sendable (Duration) async throws -> Void) async {
        repeat { await refresh() } while (try? await sleep(failure == nil ? Self.pause : Self.shortPause)) != nil
    }

    /// Reads, and writes back what the store has lost.
    package func refresh() async {
        guard (try? await read()) != nil else { return }
        let end = time.elapsed() + Self.readingBudget
        for revocation in state.withLock({ $0.known.lost.prefix(Self.restoredAtOnce) }) {
            let budget = end - time.elapsed()
            guard budget > .zero, (try? await store.add(revocation, within: budget)) != nil else { return }
        }
    }

    /// Reads the list now. If that fails, what is known stays.
    package func read(within budget: Duration = RevocationList.readingBudget) async throws(SessionStoreFailure) {
        let (began, now) = (time.elapsed(), time.now())
        let version = state.withLock(\.known.version)
        do {
            let stored = try await store.revocations(unless: version, within: budget)
            learn { known in
                // Of two overlapping readings, the one that began later counts.
                guard known.noteReading(begunAt: began) else { return [] }
                return stored.map { known.take($0, at: now) } ?? []
            }
            learn { $0.note(nil) }
        } catch {
            learn { $0.note(error.cause) }
            throw error
        }
    }

    /// Throws if a revocation could not be recorded now.
    package func checkWriting(within budget: Duration) async throws(SessionStoreFailure) {
        try await store.checkRevocations(within: budget)
    }

    private func learn(_ change: (inout RevocationKnowledge) -> [RevocationEvent]) {
        let (events, keysAreCompromised) = state.withLock { state -> ([RevocationEvent], (@Sendable () -> Void)?) in
            let compromised = state.known.compromisedKeys
            let events = change(&state.known)
            return (events, state.known.compromisedKeys.isSubset(of: compromised) ? nil : state.keysAreCompromised)
        }
        for event in events { tell(event) }
        keysAreCompromised?()
    }
}
