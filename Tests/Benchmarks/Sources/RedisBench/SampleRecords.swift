import JOSE
import Synchronization
import TestSupport
import TokenExchange

/// Records as a real exchange of the model token leaves them, and as many of their size as are wanted.
struct SampleRecords {
    private let sample: ExchangeRecords

    init(_ kind: TokenRecipe.Kind?) async throws {
        let store = RecordingStore()
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: kind)], store: store)
        _ = try await bench.exchange(bench.token, device: "till-1")
        guard let sample = store.records else { throw NoSample() }
        self.sample = sample
    }

    /// Of the sample's sizes, each under names of its own.
    func records(_ number: Int, now: UnixTime, answerLife: Duration) -> ExchangeRecords {
        var generator = SeededGenerator(seed: UInt64(number) << 2)
        let (sessionName, answerName) = (Self.digest(using: &generator), Self.digest(using: &generator))
        let partition = Partition(digest: answerName)
        return ExchangeRecords(
            session: StoredSession(
                key: RecordKey(digest: sessionName, in: partition), record: sample.session.record,
                expiresAt: now + .seconds(3 * 3600)),
            answerKey: RecordKey(digest: answerName, in: partition), answer: sample.answer,
            answerExpiresAt: now + answerLife)
    }

    private static func digest(using generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for _ in 0..<4 {
            let word = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }

    private struct NoSample: Error {}
}

/// Keeps the records of the last exchange.
private final class RecordingStore: SessionStore {
    let patience = Duration.zero
    private let recorded = Mutex<ExchangeRecords?>(nil)

    var records: ExchangeRecords? { recorded.withLock { $0 } }

    func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        recorded.withLock { $0 = records }
        return .inserted
    }

    func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {}

    func replace(
        _ expected: SealedRecord, with session: StoredSession, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool { false }

    func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? { nil }

    func revoke(
        _ key: RecordKey, until end: UnixTime, within budget: Duration
    ) async throws(SessionStoreFailure) {}

    func check(within budget: Duration) async throws(SessionStoreFailure) {}
}
