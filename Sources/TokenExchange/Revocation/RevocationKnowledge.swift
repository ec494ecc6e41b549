/// What this replica knows about revocations, and since when. A value, without I/O.
struct RevocationKnowledge {
    private(set) var version: ExactText?
    private(set) var watermarks: [CohortLabel: Revocation] = [:]
    private(set) var kinds: Set<Cohort.Kind> = []
    /// The compromised keys.
    private(set) var compromisedKeys: Set<CohortLabel> = []
    /// When the last successful reading began, by the monotonic clock.
    private(set) var readAt: Duration?
    /// Why the last reading failed; nil if it did not.
    private(set) var failure: SessionStoreFailure.Cause?
    /// Revocations that still count, but were missing from the store at the last reading.
    private(set) var lost: [Revocation] = []
    /// How many entries in the store are not revocations.
    private(set) var unreadable = 0
    /// What this process is recording at the moment, which is no news.
    var own: Set<CohortLabel> = []
    /// The causes already reported while readings fail.
    private var told: Set<SessionStoreFailure.Cause> = []

    /// Merges what the store lists. A known revocation stays until it has expired or another one covers it, so that a
    /// failover or a loss of data undoes none. What the store lists has not expired, even if our clock says so for a
    /// moment.
    /// - Returns: what is new. Of the first reading nobody is told what is revoked: that was told when it happened.
    mutating func take(_ stored: StoredRevocations, at now: UnixTime) -> [RevocationEvent] {
        let isFirst = version == nil
        version = stored.version
        let present = Dictionary(stored.revocations.map { ($0.cohort, $0) }) { _, last in last }
        watermarks = watermarks.filter { $0.value.endsAt > now }
        let new = isFirst ? [] : stored.revocations.filter(isNew)
        merge(present)
        lost = watermarks.values.filter { known in
            present[known.cohort].map { $0.issuedBefore < known.issuedBefore } ?? true
        }
        defer { unreadable = stored.unreadable }
        return (new.isEmpty ? [] : [.revoked(new)])
            + (unreadable == 0 && stored.unreadable > 0 ? [.unreadable(stored.unreadable)] : [])
    }

    /// Whether it ends sessions that nothing known ends.
    private func isNew(_ revocation: Revocation) -> Bool {
        let known = [watermarks[revocation.cohort], watermarks[CohortLabel(.all, digest: "")]]
        return !known.contains { $0?.covers(revocation) ?? false } && !own.contains(revocation.cohort)
    }

    /// Adds a revocation that has just been recorded.
    mutating func add(_ new: Revocation) { merge([new.cohort: new]) }

    private mutating func merge(_ others: [CohortLabel: Revocation]) {
        watermarks.merge(others) { $0.issuedBefore < $1.issuedBefore ? $1 : $0 }
        if let widest = watermarks[CohortLabel(.all, digest: "")] {
            watermarks = watermarks.filter { label, revocation in label == widest.cohort || !widest.covers(revocation) }
        }
        kinds = Set(watermarks.keys.map(\.kind))
        compromisedKeys = Set(watermarks.values.lazy.filter(\.isCompromisedKey).map(\.cohort))
    }

    /// - Returns: false if a reading that began later has already ended.
    mutating func noteReading(begunAt moment: Duration) -> Bool {
        guard readAt.map({ $0 <= moment }) ?? true else { return false }
        readAt = moment
        return true
    }

    /// Records how a reading ended. There are no events if there is nothing new to report.
    /// - Parameter cause: nil if it succeeded.
    mutating func note(_ cause: SessionStoreFailure.Cause?) -> [RevocationEvent] {
        failure = cause
        if let cause { return told.insert(cause).inserted ? [.notRead(cause)] : [] }
        defer { told = [] }
        return told.isEmpty ? [] : [.readAgain]
    }
}

/// What to report to the operator about the list of revocations; each only once.
package enum RevocationEvent: Sendable, Equatable {
    /// The list cannot be read, for a reason that has not been reported yet.
    case notRead(SessionStoreFailure.Cause)
    /// The list can be read again.
    case readAgain
    /// How many entries in the store's list are not revocations.
    case unreadable(Int)
    /// Another replica or a command has ended sessions; at least one revocation.
    case revoked([Revocation])
}
