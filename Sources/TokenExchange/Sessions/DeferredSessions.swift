import Synchronization

/// Sessions of tokens that were sent out while the store was down, waiting to be written: first in, first out for each
/// partition. A partition that cannot be written to does not hold up the others.
///
/// Bounded: beyond either of ``Limits`` the oldest is dropped and counted. A session that expires while it waits is
/// never written, nor is one that was revoked: the store refuses it.
package final class DeferredSessions: Sendable {
    private let queue = Mutex<Queue>(Queue())
    private let limits: Limits
    private let store: any SessionStore
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    /// How much may wait.
    package struct Limits: Sendable {
        package let entries: Int
        /// Of sealed records and their keys.
        package let bytes: Int

        package init(entries: Int = 10_000, bytes: Int = 8 << 20) {
            self.entries = entries
            self.bytes = bytes
        }
    }

    private struct Entry {
        /// Grows with every arrival.
        let number: Int
        let session: StoredSession
        /// By the monotonic clock.
        let endsAt: Duration
    }

    private struct Queue {
        /// In the order of their numbers.
        private var entries: ArraySlice<Entry> = []
        private var byKey: [RecordKey: Entry] = [:]
        private var nextNumber = 0
        private var byteCount = 0
        private(set) var dropped = 0

        var count: Int { entries.count }

        mutating func append(_ session: StoredSession, endsAt end: Duration, within limits: Limits) {
            let entry = Entry(number: nextNumber, session: session, endsAt: end)
            nextNumber += 1
            entries.append(entry)
            byKey[session.key] = entry
            byteCount += session.byteCount
            while let oldest = entries.first, entries.count > limits.entries || byteCount > limits.bytes {
                remove(oldest)
                dropped += 1
            }
        }

        subscript(key: RecordKey) -> Entry? { byKey[key] }

        /// The first that came later than `number` and is in none of `partitions`.
        func next(after number: Int, notIn partitions: Set<Partition>) -> Entry? {
            entries[index(after: number)...].first { !partitions.contains($0.session.key.partition) }
        }

        mutating func remove(_ entry: Entry) {
            let index = index(after: entry.number - 1)
            guard index < entries.endIndex, entries[index].number == entry.number else { return }
            if index == entries.startIndex { entries.removeFirst() } else { entries.remove(at: index) }
            byteCount -= entry.session.byteCount
            if byKey[entry.session.key]?.number == entry.number { byKey[entry.session.key] = nil }
        }

        private func index(after number: Int) -> Int {
            var (low, high) = (entries.startIndex, entries.endIndex)
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].number <= number { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// Before the next attempt in a partition that failed.
    private static let pause: Duration = .milliseconds(250)
    /// After this many failures in a row there is a pause before the others are tried: a store that is down for all of
    /// them should cost little.
    private static let patience = 100

    /// - Parameter sleep: throws if the task is cancelled.
    package init(
        limits: Limits = Limits(), store: any SessionStore, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.limits = limits
        self.store = store
        self.time = time
        self.sleep = sleep
        (arrivals, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Includes the one that is being written.
    package var count: Int { queue.withLock(\.count) }
    /// How many were never written because too many were waiting.
    package var droppedCount: Int { queue.withLock { $0.dropped } }

    /// Returns at once; ``run()`` writes the session.
    package func append(_ session: StoredSession) {
        let end = time.elapsed() + (session.expiresAt - time.now())
        queue.withLock { $0.append(session, endsAt: end, within: limits) }
        arrival.yield()
    }

    /// Writes what arrives until the task is cancelled; after ``finish()``, until none is left.
    package func run() async {
        for await _ in arrivals {
            while count > 0 {
                do { try await tryEach() } catch { return }
            }
        }
    }

    /// Says that no more will arrive.
    package func finish() { arrival.finish() }

    /// Writes a session ahead of its turn, if it is waiting here, so that the store knows it when asked.
    package func write(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) {
        if let entry = queue.withLock({ $0[key] }) { try await write(entry, within: budget) }
    }

    /// Tries each entry once, except those of partitions that have failed.
    /// - Throws: if the task is cancelled.
    private func tryEach() async throws {
        var failed: Set<Partition> = []
        var failuresInARow = 0
        var last = -1
        while let entry = queue.withLock({ $0.next(after: last, notIn: failed) }) {
            last = entry.number
            try Task.checkCancellation()
            do {
                // So that one partition does not hold up the others.
                try await write(entry, within: store.patience)
                failuresInARow = 0
            } catch {
                failed.insert(entry.session.key.partition)
                failuresInARow += 1
                if failuresInARow.isMultiple(of: Self.patience) { try await sleep(Self.pause) }
            }
        }
        if !failed.isEmpty { try await sleep(Self.pause) }
    }

    private func write(_ entry: Entry, within budget: Duration) async throws(SessionStoreFailure) {
        if entry.endsAt > time.elapsed() {
            // Only if the wall clock is wrong: no store would keep it now.
            guard entry.session.expiresAt > time.now() else { throw .init(.insert, .refused(code: "CLOCK")) }
            try await store.insertIfAbsent(entry.session, within: budget)
        }
        queue.withLock { $0.remove(entry) }
    }
}

extension StoredSession {
    fileprivate var byteCount: Int { key.digest.count + key.partition.label.count + record.bytes.count }
}
