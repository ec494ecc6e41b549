import Synchronization

/// Sessions whose tokens left while the store was away, waiting to be written in the order they came.
///
/// Bounded: beyond `limit` the oldest is dropped and counted. Sessions that expire meanwhile are never written.
package final class DeferredSessions: Sendable {
    private let queue = Mutex<Queue>(Queue())
    private let limit: Int
    private let store: any SessionStore
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    private struct Queue {
        var sessions: ArraySlice<StoredSession> = []
        var dropped = 0
    }

    /// One write may take so long; the next attempt follows after `pause`.
    private static let writeBudget: Duration = .seconds(1)
    private static let pause: Duration = .milliseconds(250)

    package init(
        limit: Int = 10_000, store: any SessionStore, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.limit = limit
        self.store = store
        self.time = time
        self.sleep = sleep
        (arrivals, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package var count: Int { queue.withLock { $0.sessions.count } }
    /// How many never got written because too many were waiting.
    package var droppedCount: Int { queue.withLock { $0.dropped } }

    package func append(_ session: StoredSession) {
        queue.withLock { queue in
            queue.sessions.append(session)
            if queue.sessions.count > limit {
                queue.sessions.removeFirst()
                queue.dropped += 1
            }
        }
        arrival.yield()
    }

    /// Writes what arrives until the task is cancelled.
    package func run() async {
        for await _ in arrivals {
            while let session = queue.withLock({ $0.sessions.popFirst() }) {
                guard await write(session) else { return }
            }
        }
    }

    /// Tries until the session is written or over; false where the task was cancelled first.
    private func write(_ session: StoredSession) async -> Bool {
        while session.expiresAt > time.now() {
            do {
                try await store.insert(session, within: Self.writeBudget)
                return true
            } catch {
                do { try await sleep(Self.pause) } catch { return false }
            }
        }
        return true
    }
}
