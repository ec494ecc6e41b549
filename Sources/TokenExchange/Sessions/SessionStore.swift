/// Keeps the records of exchanges. It sees digests and sealed bytes only: no token, no claim.
///
/// Every operation ends within `budget`, with an answer or a ``SessionStoreFailure``; a caller's cancellation harms no other caller.
package protocol SessionStore: Sendable {
    /// Stores an answer and its session, unless an earlier answer to the same exchange still lives. Atomic: the first writer wins.
    ///
    /// An answer lives while its record and the session that it names both exist; one whose session is gone (revoked,
    /// expired) is overwritten. Both records lie in one partition.
    /// - Parameter replacing: an earlier answer that turned out unreadable; overwritten if it is still the one stored.
    func insertIfAbsent(_ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration)
        async throws(SessionStoreFailure) -> ExchangeInsertion

    /// Stores a session alone, for an answer that left while the store was away; not over a session that is there, nor
    /// one that was revoked meanwhile.
    func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure)

    /// Puts a session in the place of exactly `expected`, under the same key.
    /// - Returns: false where something else is there, or nothing: replaced, revoked or over meanwhile.
    func replace(_ expected: SealedRecord, with session: StoredSession, within budget: Duration)
        async throws(SessionStoreFailure) -> Bool

    /// The sealed session record, or nil if there is none (never stored, expired, revoked).
    func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord?

    /// Ends a session, stored or not: until `end` its key stays taken and reads as absent.
    /// - Parameter end: the session's own end, or later.
    func revoke(_ key: RecordKey, until end: UnixTime, within budget: Duration) async throws(SessionStoreFailure)

    /// Throws if the store could not serve a request now.
    func check(within budget: Duration) async throws(SessionStoreFailure)

    /// How long somebody waits for the store who can go on without it; others wait as long as they have time.
    var patience: Duration { get }
}

/// The name of a record: 32 bytes, a SHA-256 digest, and the part of the store that it lies in.
package struct RecordKey: Sendable, Hashable {
    package let partition: Partition
    package let digest: [UInt8]

    package init(digest: [UInt8], in partition: Partition) {
        self.digest = digest
        self.partition = partition
    }
}

/// Bytes that only the holder of the right token can open.
package struct SealedRecord: Sendable, Equatable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}

/// A session as the store keeps it.
package struct StoredSession: Sendable {
    /// SHA-256 of the external identity.
    package let key: RecordKey
    package let record: SealedRecord
    package let expiresAt: UnixTime

    package init(key: RecordKey, record: SealedRecord, expiresAt: UnixTime) {
        self.key = key
        self.record = record
        self.expiresAt = expiresAt
    }
}

/// What one exchange leaves behind: the session, and the answer to hand out again.
package struct ExchangeRecords: Sendable {
    package let session: StoredSession
    /// Names the (identity token, device, identity provider).
    package let answerKey: RecordKey
    /// The external identity, sealed under a key derived from the identity token.
    package let answer: SealedRecord
    /// No later than the identity token's own end.
    package let answerExpiresAt: UnixTime

    package init(session: StoredSession, answerKey: RecordKey, answer: SealedRecord, answerExpiresAt: UnixTime) {
        self.session = session
        self.answerKey = answerKey
        self.answer = answer
        self.answerExpiresAt = answerExpiresAt
    }
}

package enum ExchangeInsertion: Sendable, Equatable {
    case inserted
    /// Another exchange of the same identity token, device and provider came first: its answer, and the session of that.
    case answered(SealedRecord, session: SealedRecord)
}

/// The store could not be asked, or did not answer as a store should. Says nothing about any token.
package struct SessionStoreFailure: Error, Equatable {
    package enum Operation: String, Sendable {
        case exchange, insert, session, revoke, revocations, shared, check
    }

    package enum Cause: Sendable, Hashable {
        case timedOut
        /// No usable connection; `detail` is the last error of connecting, by the operating system or the server.
        case notConnected(detail: String)
        /// The store answered with an error; `code` is its first word (`OOM`, `READONLY`, `NOAUTH`, …).
        case refused(code: String)
        case unexpectedReply
        /// Too many requests are waiting already.
        case overloaded
        /// Stored, but so far on too few replicas to be acknowledged.
        case notReplicated(replicas: Int, wanted: Int)
    }

    package let operation: Operation
    package let cause: Cause

    package init(_ operation: Operation, _ cause: Cause) {
        self.operation = operation
        self.cause = cause
    }
}

/// For logs and operators.
extension SessionStoreFailure.Cause: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut: "timed out"
        case .notConnected(let detail): "not connected: \(detail)"
        case .refused(let code): "refused with \(code)"
        case .unexpectedReply: "unexpected reply"
        case .overloaded: "too many requests are waiting"
        case .notReplicated(let replicas, let wanted): "on \(replicas) of \(wanted) replicas"
        }
    }
}

extension Failure {
    package init(_ failure: SessionStoreFailure) {
        self.init(.sessionStoreUnavailable, operation: failure.operation.rawValue, cause: "\(failure.cause)")
    }
}
