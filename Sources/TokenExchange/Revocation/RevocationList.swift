import Synchronization

/// The revoked cohorts as this replica knows them, read again every second; a session is compared with them by its time of
/// issue. So a revocation costs the same whether it ends one session or a million, and one that is written a moment later
/// by a request that was under way is revoked as well.
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
        var known = RevocationKnowledge()
        var keysAreCompromised: @Sendable () -> Void = {}
    }

    private let state = Mutex(State())
    private let store: any RevocationStore
    private let vault: SessionVault
    private let time: TimeSource
    /// No verdict is given by a list that was not read for so long; nil: a list that is never late.
    private let maximumAge: Duration?

    private let tell: @Sendable (RevocationEvent) -> Void
    /// For the age of a list that was never read.
    private let madeAt: Duration

    /// A revocation counts on all replicas within these together: between two readings, and for one of them.
    private static let pause: Duration = .seconds(1)
    package static let readingBudget: Duration = .seconds(1)
    /// Between two readings while they fail.
    private static let shortPause: Duration = .milliseconds(250)
    /// For recording a revocation.
    private static let writingBudget: Duration = .seconds(2)
    /// A store that has lost thousands gets them back bit by bit; meanwhile they count here.
    private static let restoredAtOnce = 32
    /// Within this a revocation is promised to count everywhere.
    package static let promise: Duration = .seconds(5)
    /// No session lives longer; the configuration allows no more.
    static let longestLifetime = SigningKeyTimes.greatestLifetime

    /// - Parameter tell: hears what the operator should know.
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

    /// - Parameters:
    ///   - keyID: the `kid` of a JWT.
    ///   - latestIssue: where the session's own time of issue is rounded down.
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

    /// Whether the key is compromised, whatever else is known of it.
    package func isRevoked(keyID: ExactText) -> Bool {
        guard state.withLock({ $0.known.kinds.contains(.keyID) }), let cohort = Cohort(.keyID, keyID) else {
            return false
        }
        let label = vault.label(of: cohort)
        return state.withLock { $0.known.watermarks[label]?.isCompromisedKey ?? false }
    }

    /// Calls `action` whenever a key is newly found compromised: who signs must not wait for the next check.
    package func whenKeysAreCompromised(_ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.keysAreCompromised = action }
    }

    /// Whether the list was read lately enough to call a session good.
    package var isFresh: Bool {
        guard let maximumAge else { return true }
        return state.withLock(\.known.readAt).map { time.elapsed() - $0 <= maximumAge } ?? false
    }

    /// Since the list was read; if it never was, since this process began.
    package var age: Duration { time.elapsed() - (state.withLock(\.known.readAt) ?? madeAt) }

    package var count: Int { state.withLock(\.known.watermarks.count) }

    /// How many entries of the store's list are not revocations.
    package var unreadableCount: Int { state.withLock(\.known.unreadable) }

    /// Why the last reading failed; nil if it did not.
    package var failure: SessionStoreFailure.Cause? { state.withLock(\.known.failure) }

    // MARK: Revoking

    /// Ends the sessions of a cohort that were issued until `moment`, on all replicas within ``promise``.
    /// - Parameter moment: nil for now, and for a key it is compromised then: what it signs later is revoked as well. A later one
    ///   counts as now, since new logins must not be dead already.
    /// - Throws: ``Failure`` where that could not be recorded.
    package func revoke(_ cohort: Cohort, issuedBefore moment: UnixTime? = nil) async throws(Failure) {
        let now = time.now()
        let label = vault.label(of: cohort)
        let revocation =
            cohort.kind == .keyID && moment == nil
            ? Revocation(compromised: label, at: now)
            : Revocation(cohort: label, issuedBefore: min(moment ?? now, now), endsAt: now + Self.longestLifetime)
        let end = time.elapsed() + Self.writingBudget
        do { try await store.add(revocation, within: Self.writingBudget) } catch { throw Failure(error) }
        // It counts here at once, whether or not the list can be read.
        learn {
            $0.add(revocation)
            return nil
        }
        try? await read(within: max(end - time.elapsed(), .zero))
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

    package func read(within budget: Duration = RevocationList.readingBudget) async throws(SessionStoreFailure) {
        let (began, now) = (time.elapsed(), time.now())
        let version = state.withLock(\.known.version)
        do {
            let stored = try await store.revocations(unless: version, within: budget)
            learn { known in
                // Of two readings that overtake one another the one that began later counts.
                guard known.noteReading(begunAt: began) else { return nil }
                return stored.flatMap { known.take($0, at: now) }
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

    private func learn(_ change: (inout RevocationKnowledge) -> RevocationEvent?) {
        let (event, keysAreCompromised) = state.withLock { state -> (RevocationEvent?, (@Sendable () -> Void)?) in
            let compromised = state.known.compromisedKeys
            let event = change(&state.known)
            return (event, state.known.compromisedKeys.isSubset(of: compromised) ? nil : state.keysAreCompromised)
        }
        if let event { tell(event) }
        keysAreCompromised?()
    }
}
