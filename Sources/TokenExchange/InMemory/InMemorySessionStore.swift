import Synchronization

/// Sessions in the memory of one process, lost when it ends: for development and tests.
///
/// A full store refuses new records and never drops one that it has acknowledged. Expired records are removed second by
/// second, without scanning the others. As in Redis, a record's life is measured by the monotonic clock from when it is
/// written, so a wall clock that is wrong for a moment neither ends a record nor keeps one for ever.
package final class InMemorySessionStore: SessionStore {
    private let records: Mutex<Records>
    private let time: TimeSource

    /// - Parameter limit: the most records, sessions and answers together.
    package init(limit: Int = 1_000_000, time: TimeSource) {
        records = Mutex(Records(limit: limit))
        self.time = time
    }

    package func insertIfAbsent(
        _ new: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) throws(SessionStoreFailure) -> ExchangeInsertion {
        let now = Moment(time)
        return try records.withLock { records throws(SessionStoreFailure) in
            records.forget(before: now)
            if let earlier = records.liveAnswer(new.answerKey, at: now), earlier.record != unreadable {
                return .answered(earlier.record, session: earlier.session)
            }
            try records.makeRoom(for: 2, .exchange)
            records.keepSession(new.session, at: now)
            records.keepAnswer(new, at: now)
            return .inserted
        }
    }

    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) throws(SessionStoreFailure) {
        let now = Moment(time)
        try records.withLock { records throws(SessionStoreFailure) in
            records.forget(before: now)
            guard !records.isTaken(session.key, at: now) else { return }
            try records.makeRoom(for: 1, .insert)
            records.keepSession(session, at: now)
        }
    }

    package func replace(_ expected: SealedRecord, with session: StoredSession, within budget: Duration) -> Bool {
        let now = Moment(time)
        return records.withLock { records in
            records.forget(before: now)
            guard records.session(session.key, at: now) == expected, session.expiresAt > now.wall else { return false }
            records.keepSession(session, at: now)
            return true
        }
    }

    package func session(_ key: RecordKey, within budget: Duration) -> SealedRecord? {
        let now = Moment(time)
        return records.withLock { records in
            records.forget(before: now)
            return records.session(key, at: now)
        }
    }

    package func check(within budget: Duration) {}

    /// Of no effect: no operation waits.
    package let patience = Duration.seconds(1)

    package func revoke(_ key: RecordKey, until end: UnixTime, within budget: Duration) throws(SessionStoreFailure) {
        let now = Moment(time)
        try records.withLock { records throws(SessionStoreFailure) in
            records.forget(before: now)
            if !records.isTaken(key, at: now) { try records.makeRoom(for: 1, .revoke) }
            records.keepSession(StoredSession(key: key, record: Records.revoked, expiresAt: end), at: now)
        }
    }

    /// Sessions and answers; for tests.
    package var recordCount: Int { records.withLock { $0.count } }
}

extension InMemorySessionStore: RevocationStore {
    package func add(_ revocation: Revocation, within budget: Duration) throws(SessionStoreFailure) {
        let now = Moment(time)
        try records.withLock { records throws(SessionStoreFailure) in
            try records.keepRevocation(revocation, at: now)
        }
    }

    package func checkRevocations(within budget: Duration) {}

    package func revocations(unless version: ExactText?, within budget: Duration) -> StoredRevocations? {
        records.withLock { records in
            let stored = records.storedRevocations
            return stored.version == version ? nil : stored
        }
    }
}

private struct Records {
    private var sessions: [RecordKey: Session] = [:]
    private var answers: [RecordKey: Answer] = [:]
    /// Keys of records that end in a given second (monotonic). Stale if the record was replaced since.
    private var due: [Int64: [RecordKey]] = [:]
    private var forgottenUntil: Int64 = 0
    private var revocations = RevocationTable()
    private var revocationVersion = 0
    private let limit: Int

    private struct Session {
        let record: SealedRecord
        let endsAt: Duration
    }

    private struct Answer {
        let record: SealedRecord
        let session: RecordKey
        let endsAt: Duration
    }

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { sessions.count + answers.count }

    func makeRoom(for wanted: Int, _ operation: SessionStoreFailure.Operation) throws(SessionStoreFailure) {
        guard count + wanted <= limit else { throw SessionStoreFailure(operation, .refused(code: "FULL")) }
    }

    /// Stored in place of a revoked session.
    static let revoked = SealedRecord(bytes: [])

    func isTaken(_ key: RecordKey, at now: Moment) -> Bool { sessions[key].map { $0.endsAt > now.elapsed } ?? false }

    func session(_ key: RecordKey, at now: Moment) -> SealedRecord? {
        guard isTaken(key, at: now), let record = sessions[key]?.record, record != Self.revoked else { return nil }
        return record
    }

    func liveAnswer(_ key: RecordKey, at now: Moment) -> (record: SealedRecord, session: SealedRecord)? {
        guard let answer = answers[key], answer.endsAt > now.elapsed, let session = session(answer.session, at: now)
        else { return nil }
        return (answer.record, session)
    }

    mutating func keepSession(_ session: StoredSession, at now: Moment) {
        let end = now.end(at: session.expiresAt, longest: RevocationList.longestLifetime)
        sessions[session.key] = end > now.elapsed ? Session(record: session.record, endsAt: end) : nil
        note(session.key, endsAt: end)
    }

    mutating func keepAnswer(_ new: ExchangeRecords, at now: Moment) {
        let end = now.end(at: new.answerExpiresAt, longest: RevocationList.longestLifetime)
        answers[new.answerKey] =
            end > now.elapsed ? Answer(record: new.answer, session: new.session.key, endsAt: end) : nil
        note(new.answerKey, endsAt: end)
    }

    private mutating func note(_ key: RecordKey, endsAt end: Duration) {
        let second = end.components.seconds + 1
        if second > forgottenUntil { due[second, default: []].append(key) }
    }

    mutating func keepRevocation(_ new: Revocation, at now: Moment) throws(SessionStoreFailure) {
        guard let isChanged = revocations.add(new, at: now) else {
            throw SessionStoreFailure(.revocations, .refused(code: "FULL"))
        }
        if isChanged { revocationVersion += 1 }
    }

    var storedRevocations: StoredRevocations {
        StoredRevocations(version: ExactText(String(revocationVersion)), revocations: revocations.revocations)
    }

    /// Walks the seconds since the last call, or the seconds that have something due, whichever are fewer.
    mutating func forget(before now: Moment) {
        let second = now.elapsed.components.seconds
        guard second > forgottenUntil else { return }
        let passed =
            second - forgottenUntil <= Int64(due.count)
            ? Array((forgottenUntil + 1)...second) : due.keys.filter { $0 <= second }
        for key in passed.compactMap({ due.removeValue(forKey: $0) }).joined() {
            if let session = sessions[key], session.endsAt <= now.elapsed { sessions[key] = nil }
            if let answer = answers[key], answer.endsAt <= now.elapsed { answers[key] = nil }
        }
        forgottenUntil = second
    }
}
