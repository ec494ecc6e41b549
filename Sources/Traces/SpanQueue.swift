import DequeModule
import Synchronization

/// Spans that wait to be sent. Beyond its length new ones are dropped and counted: nothing waits for a collector.
package final class SpanQueue: Sendable {
    private struct State {
        var spans: Deque<TraceSpan> = []
        var dropped = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: in spans.
    package init(limit: Int) {
        self.limit = limit
    }

    package var count: Int { state.withLock(\.spans.count) }
    /// Since the start.
    package var droppedCount: Int { state.withLock(\.dropped) }

    /// Takes the spans of one request: all of them, or none if there is no room.
    package func append(_ spans: [TraceSpan]) {
        state.withLock { state in
            guard state.spans.count + spans.count <= limit else {
                state.dropped += spans.count
                return
            }
            state.spans += spans
        }
    }

    /// The oldest ones, which stay until they are removed.
    func first(_ count: Int) -> [TraceSpan] { state.withLock { Array($0.spans.prefix(count)) } }

    func removeFirst(_ count: Int) { state.withLock { $0.spans.removeFirst(count) } }
}
