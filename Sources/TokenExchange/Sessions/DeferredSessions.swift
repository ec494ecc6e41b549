import Synchronization

/// Sessions whose tokens left while the store was away, waiting to be written in the order they came.
///
/// Bounded: beyond either of ``Limits`` the oldest is dropped and counted. Sessions that expire meanwhile are never
/// written, nor such as were revoked: the store knows them.
package final class DeferredSessions: Sendable {
    private let queue = Mutex<Queue>(Queue())
    private let limits: Limits
    private let store: any SessionStore
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    package struct Limits: Sendable {
        package let entries: Int
        /// Of sealed records and their keys.
        package let bytes: Int

        package init(entries: Int = 10_000, bytes: Int = 8 << 20) {
            self.entries = entries
            self.bytes = bytes
        }
    }

    private struct Queue {
        private(set) var sessions: ArraySlice<StoredSession> = []
        private var byteCount = 0
        private(set) var dropped = 0

        mutating func append(_ session: StoredSession, within limits: Limits) {
            sessions.append(session)
            byteCount += session.byteCount
            while sessions.count > limits.entries || byteCount > limits.bytes {
                _ = popFirst()
                dropped += 1
            }
        }

        mutating func popFirst() -> StoredSession? {
            guard let session = sessions.popFirst() else { return nil }
            byteCount -= session.byteCount
            return session
        }
    }

    /// One write may take so long; the next attempt follows after `pause`.
    private static let writeBudget: Duration = .seconds(1)
    private static let pause: Duration = .milliseconds(250)

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

    package var count: Int { queue.withLock { $0.sessions.count } }
    /// How many never got written because too many were waiting.
    package var droppedCount: Int { queue.withLock { $0.dropped } }

    package func append(_ session: StoredSession) {
        queue.withLock { $0.append(session, within: limits) }
        arrival.yield()
    }

    /// Writes what arrives until the task is cancelled.
    package func run() async {
        for await _ in arrivals {
            while let session = queue.withLock({ $0.popFirst() }) {
                guard await write(session) else { return }
            }
        }
    }

    /// Tries until the session is written or over; false where the task was cancelled first.
    private func write(_ session: StoredSession) async -> Bool {
        while session.expiresAt > time.now() {
            do {
                try await store.insertIfAbsent(session, within: Self.writeBudget)
                return true
            } catch {
                do { try await sleep(Self.pause) } catch { return false }
            }
        }
        return true
    }
}

extension StoredSession {
    fileprivate var byteCount: Int { key.digest.count + key.partition.label.count + record.bytes.count }
}
