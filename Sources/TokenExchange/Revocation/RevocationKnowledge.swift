/// What a replica knows of the revocations, and since when. A value, without I/O.
struct RevocationKnowledge {
    private(set) var version: ExactText?
    private(set) var watermarks: [CohortLabel: Revocation] = [:]
    private(set) var kinds: Set<Cohort.Kind> = []
    /// The compromised keys.
    private(set) var compromisedKeys: Set<CohortLabel> = []
    /// When the last reading that succeeded began, by the monotonic clock.
    private(set) var readAt: Duration?
    /// Why the last reading failed; nil if it did not.
    private(set) var failure: SessionStoreFailure.Cause?
    /// What counts, but was not in the store at the last reading.
    private(set) var lost: [Revocation] = []
    /// How many entries of the store are not revocations.
    private(set) var unreadable = 0
    /// The causes told of while readings fail.
    private var told: Set<SessionStoreFailure.Cause> = []

    /// What was known stays until it has expired, or another one covers it: a failover or a loss of data undoes no
    /// revocation. What the store lists has not expired, even if our clock says so for a moment.
    mutating func take(_ stored: StoredRevocations, at now: UnixTime) -> RevocationEvent? {
        version = stored.version
        let present = Dictionary(stored.revocations.map { ($0.cohort, $0) }) { _, last in last }
        watermarks = watermarks.filter { $0.value.endsAt > now }
        merge(present)
        lost = watermarks.values.filter { known in
            present[known.cohort].map { $0.issuedBefore < known.issuedBefore } ?? true
        }
        defer { unreadable = stored.unreadable }
        return unreadable == 0 && stored.unreadable > 0 ? .unreadable(stored.unreadable) : nil
    }

    /// A revocation that was just recorded.
    mutating func add(_ new: Revocation) { merge([new.cohort: new]) }

    private mutating func merge(_ others: [CohortLabel: Revocation]) {
        watermarks.merge(others) { $0.issuedBefore < $1.issuedBefore ? $1 : $0 }
        if let widest = watermarks[CohortLabel(.all, digest: "")] {
            watermarks = watermarks.filter { label, revocation in label == widest.cohort || !widest.covers(revocation) }
        }
        kinds = Set(watermarks.keys.map(\.kind))
        compromisedKeys = Set(watermarks.values.lazy.filter(\.isCompromisedKey).map(\.cohort))
    }

    /// - Returns: false if a reading that began later has ended before.
    mutating func noteReading(begunAt moment: Duration) -> Bool {
        guard readAt.map({ $0 <= moment }) ?? true else { return false }
        readAt = moment
        return true
    }

    /// - Parameter cause: nil if a reading has succeeded.
    mutating func note(_ cause: SessionStoreFailure.Cause?) -> RevocationEvent? {
        failure = cause
        if let cause { return told.insert(cause).inserted ? .notRead(cause) : nil }
        defer { told = [] }
        return told.isEmpty ? nil : .readAgain
    }
}

/// What the operator should hear of the list of revocations; each once.
package enum RevocationEvent: Sendable, Equatable {
    /// The list could not be read, for a reason that was not told yet.
    case notRead(SessionStoreFailure.Cause)
    /// It is read again after it could not be.
    case readAgain
    /// There is so much in the store's list that is no revocation.
    case unreadable(Int)
}
