import Synchronization

/// Sessions of a single process that forgets them when it ends: for development and tests.
///
/// Bounded by `limit` records; a full store refuses, it never drops what it has acknowledged. Expired records go as
/// time passes, second by second, without a look at the others.
package final class InMemorySessionStore: SessionStore {
    private let records: Mutex<Records>
    private let time: TimeSource

    package init(limit: Int = 1_000_000, time: TimeSource) {
        records = Mutex(Records(limit: limit))
        self.time = time
    }

    package func insertIfAbsent(
        _ new: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) throws(SessionStoreFailure) -> ExchangeInsertion {
        let now = time.now()
        return try records.withLock { records throws(SessionStoreFailure) in
            records.forget(before: now)
            if let earlier = records.liveAnswer(new.answerKey, at: now), earlier.record != unreadable {
                return .answered(earlier.record, session: earlier.session)
            }
            try records.makeRoom(for: 2, .exchange)
            records.keepSession(new.session)
            records.keepAnswer(new)
            return .inserted
        }
    }

    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) throws(SessionStoreFailure) {
        let now = time.now()
        try records.withLock { records throws(SessionStoreFailure) in
            records.forget(before: now)
            guard !records.isTaken(session.key, at: now) else { return }
            try records.makeRoom(for: 1, .insert)
            records.keepSession(session)
        }
    }

    package func replace(_ expected: SealedRecord, with session: StoredSession, within budget: Duration) -> Bool {
        let now = time.now()
        return records.withLock { records in
            records.forget(before: now)
            guard records.session(session.key, at: now) == expected, session.expiresAt > now else { return false }
            records.keepSession(session)
            return true
        }
    }

    package func session(_ key: RecordKey, within budget: Duration) -> SealedRecord? {
        let now = time.now()
        return records.withLock { records in
            records.forget(before: now)
            return records.session(key, at: now)
        }
    }

    package func check(within budget: Duration) {}

    package func revoke(_ key: RecordKey, until end: UnixTime, within budget: Duration) throws(SessionStoreFailure) {
        let now = time.now()
        try records.withLock { records throws(SessionStoreFailure) in
            records.forget(before: now)
            if !records.isTaken(key, at: now) { try records.makeRoom(for: 1, .revoke) }
            records.keepSession(StoredSession(key: key, record: Records.revoked, expiresAt: end))
        }
    }

    package var recordCount: Int { records.withLock { $0.count } }
}

extension InMemorySessionStore: RevocationStore {
    package func add(_ revocation: Revocation, within budget: Duration) {
        let now = time.now()
        records.withLock { $0.keepRevocation(revocation, at: now) }
    }

    package func revocations(unless version: ExactText?, within budget: Duration) -> StoredRevocations? {
        records.withLock { records in
            let stored = records.storedRevocations
            return stored.version == version ? nil : stored
        }
    }
}

private struct Records {
    private var sessions: [RecordKey: StoredSession] = [:]
    private var answers: [RecordKey: Answer] = [:]
    /// What may be forgotten once a second of Unix time has passed. An entry can be stale: the record was replaced since.
    private var due: [Int64: [RecordKey]] = [:]
    private var forgottenUntil: Int64 = 0
    private var revocations: [CohortLabel: Revocation] = [:]
    private var revocationVersion = 0
    private let limit: Int

    private struct Answer {
        let record: SealedRecord
        let session: RecordKey
        let expiresAt: UnixTime
    }

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { sessions.count + answers.count }

    func makeRoom(for wanted: Int, _ operation: SessionStoreFailure.Operation) throws(SessionStoreFailure) {
        guard count + wanted <= limit else { throw SessionStoreFailure(operation, .refused(code: "FULL")) }
    }

    /// Stands in a revoked session's place.
    static let revoked = SealedRecord(bytes: [])

    func isTaken(_ key: RecordKey, at now: UnixTime) -> Bool {
        sessions[key].map { $0.expiresAt > now } ?? false
    }

    func session(_ key: RecordKey, at now: UnixTime) -> SealedRecord? {
        guard let session = sessions[key], session.expiresAt > now, session.record != Self.revoked else { return nil }
        return session.record
    }

    func liveAnswer(_ key: RecordKey, at now: UnixTime) -> (record: SealedRecord, session: SealedRecord)? {
        guard let answer = answers[key], answer.expiresAt > now, let session = session(answer.session, at: now) else {
            return nil
        }
        return (answer.record, session)
    }

    mutating func keepSession(_ session: StoredSession) {
        sessions[session.key] = session
        due[session.expiresAt.wholeSeconds + 1, default: []].append(session.key)
    }

    mutating func keepAnswer(_ new: ExchangeRecords) {
        answers[new.answerKey] = Answer(
            record: new.answer, session: new.session.key, expiresAt: new.answerExpiresAt)
        due[new.answerExpiresAt.wholeSeconds + 1, default: []].append(new.answerKey)
    }

    mutating func keepRevocation(_ new: Revocation, at now: UnixTime) {
        revocations = revocations.filter { $0.value.endsAt > now }
        if let old = revocations[new.cohort], old.issuedBefore >= new.issuedBefore { return }
        revocations[new.cohort] = new
        revocationVersion += 1
    }

    var storedRevocations: StoredRevocations {
        StoredRevocations(version: ExactText(String(revocationVersion)), revocations: Array(revocations.values))
    }

    /// Walks the seconds since the last call, or the seconds that have something due, whichever are fewer.
    mutating func forget(before now: UnixTime) {
        let second = now.wholeSeconds
        guard second > forgottenUntil else { return }
        let passed =
            second - forgottenUntil <= Int64(due.count)
            ? Array((forgottenUntil + 1)...second) : due.keys.filter { $0 <= second }
        for key in passed.compactMap({ due.removeValue(forKey: $0) }).joined() {
            if let session = sessions[key], session.expiresAt <= now { sessions[key] = nil }
            if let answer = answers[key], answer.expiresAt <= now { answers[key] = nil }
        }
        forgottenUntil = second
    }
}
