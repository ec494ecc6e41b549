/// Keeps the records of exchanges. It sees only digests and sealed bytes: no token, no claim.
///
/// Every operation ends within `budget`, with an answer or a ``SessionStoreFailure``. Cancelling one caller does not
/// affect the others.
package protocol SessionStore: Sendable {
    /// Stores an answer and its session, unless an earlier answer to the same exchange is still alive. Atomic: the
    /// first writer wins.
    ///
    /// An answer is alive while its record and the session that it names both exist; one whose session is gone
    /// (revoked, expired) is overwritten. Both records are in one partition.
    /// - Parameter unreadable: an earlier answer that could not be read; overwritten if it is still the one stored.
    func insertIfAbsent(_ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration)
        async throws(SessionStoreFailure) -> ExchangeInsertion

    /// Stores only a session, for an answer that was sent while the store was down. Does nothing if the session is
    /// there or was revoked.
    func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure)

    /// Replaces exactly `expected` by a session under the same key.
    /// - Returns: false if there is another record, or none: it was replaced or revoked, or has expired.
    func replace(_ expected: SealedRecord, with session: StoredSession, within budget: Duration)
        async throws(SessionStoreFailure) -> Bool

    /// The sealed session record, or nil if there is none (never stored, expired, revoked).
    func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord?

    /// Ends a session, stored or not: until `end` its key stays taken and reads as absent.
    /// - Parameter end: the session's own end, or later.
    func revoke(_ key: RecordKey, until end: UnixTime, within budget: Duration) async throws(SessionStoreFailure)

    /// Throws if the store could not serve a request now.
    func check(within budget: Duration) async throws(SessionStoreFailure)

    /// How long a caller that can go on without the store waits for it. Others wait as long as they have time.
    var patience: Duration { get }
}

/// The name of a record: a digest of 32 bytes, and the partition that it is in.
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

/// What one exchange stores: the session, and the answer to give again. A class, because it is large and handed on often.
package final class ExchangeRecords: Sendable {
    package let session: StoredSession
    /// Derived from identity token, device and identity provider.
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

/// Whether an exchange was the first of its kind.
package enum ExchangeInsertion: Sendable, Equatable {
    case inserted
    /// Another exchange of the same identity token, device and provider came first: its answer and its session.
    case answered(SealedRecord, session: SealedRecord)
}

/// The store could not be asked, or did not answer as it should. Says nothing about any token.
package struct SessionStoreFailure: Error, Equatable {
    /// What was asked of the store, for the log.
    package enum Operation: String, Sendable, CaseIterable {
        case exchange, insert, session, revoke, revocations, shared, check
    }

    /// Why it failed; ``description`` is for the log.
    package enum Cause: Sendable, Hashable {
        case timedOut
        /// There is no usable connection; `detail` is the last error from the operating system or the server.
        case notConnected(detail: String)
        /// The store answered with an error; `code` is its first word (`OOM`, `READONLY`, `NOAUTH`, …).
        case refused(code: String)
        case unexpectedReply
        /// Too many requests are waiting already.
        case overloaded
        /// Stored, but on too few replicas so far to be acknowledged.
        case notReplicated(replicas: Int, wanted: Int)
    }

    package let operation: Operation
    package let cause: Cause

    package init(_ operation: Operation, _ cause: Cause) {
        self.operation = operation
        self.cause = cause
    }
}

extension SessionStoreFailure.Cause {
    /// A cause without its details.
    package enum Kind: String, Sendable, CaseIterable {
        case timedOut = "timed_out"
        case notConnected = "not_connected"
        case refused
        case unexpectedReply = "unexpected_reply"
        case overloaded
        case notReplicated = "not_replicated"
    }

    /// For metrics.
    package var kind: Kind {
        switch self {
        case .timedOut: .timedOut
        case .notConnected: .notConnected
        case .refused: .refused
        case .unexpectedReply: .unexpectedReply
        case .overloaded: .overloaded
        case .notReplicated: .notReplicated
        }
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
    /// `session_store_unavailable`.
    package init(_ failure: SessionStoreFailure) {
        self.init(.sessionStoreUnavailable, operation: failure.operation.rawValue, cause: "\(failure.cause)")
    }
}
