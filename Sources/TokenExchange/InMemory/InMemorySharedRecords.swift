import Synchronization

/// Shared records in the memory of one process, bounded in number and bytes. Beyond either the oldest is dropped, which
/// only costs another call to the service.
package final class InMemorySharedRecords: SharedRecords {
    private struct Entry {
        let value: [UInt8]
        let expiresAt: Duration
        let number: Int
    }

    private struct State {
        var entries: [RecordKey: Entry] = [:]
        /// In the order of writing; stale if the record was written again.
        var order: [(key: RecordKey, number: Int)] = []
        var oldest = 0
        var bytes = 0
        var lastNumber = 0
    }

    private let state = Mutex(State())
    private let entryLimit: Int
    private let byteLimit: Int
    private let time: TimeSource

    /// - Parameter byteLimit: of all values together.
    package init(entryLimit: Int = 100_000, byteLimit: Int = 32 << 20, time: TimeSource) {
        self.entryLimit = entryLimit
        self.byteLimit = byteLimit
        self.time = time
    }

    /// Includes expired records that nobody has asked for since; for tests.
    package var count: Int { state.withLock(\.entries.count) }

    package func value(of key: RecordKey, within budget: Duration) -> [UInt8]? {
        let now = time.elapsed()
        return state.withLock { Self.live(key, in: &$0, at: now) }
    }

    package func insertIfAbsent(
        _ value: [UInt8], under key: RecordKey, for life: Duration, within budget: Duration
    ) -> [UInt8]? {
        let now = time.elapsed()
        return state.withLock { state in
            if let present = Self.live(key, in: &state, at: now) { return present }
            keep(value, under: key, until: now + life, in: &state)
            return nil
        }
    }

    package func replace(
        _ expected: [UInt8], under key: RecordKey, with new: [UInt8]?, for life: Duration, within budget: Duration
    ) -> Bool {
        let now = time.elapsed()
        return state.withLock { state in
            guard Self.live(key, in: &state, at: now) == expected else { return false }
            Self.remove(key, from: &state)
            if let new { keep(new, under: key, until: now + life, in: &state) }
            return true
        }
    }

    private static func live(_ key: RecordKey, in state: inout State, at now: Duration) -> [UInt8]? {
        guard let entry = state.entries[key] else { return nil }
        if now < entry.expiresAt { return entry.value }
        remove(key, from: &state)
        return nil
    }

    private static func remove(_ key: RecordKey, from state: inout State) {
        if let old = state.entries.removeValue(forKey: key) { state.bytes -= old.value.count }
    }

    private func keep(_ value: [UInt8], under key: RecordKey, until end: Duration, in state: inout State) {
        guard value.count <= byteLimit else { return }
        state.lastNumber += 1
        state.entries[key] = Entry(value: value, expiresAt: end, number: state.lastNumber)
        state.order.append((key, state.lastNumber))
        state.bytes += value.count
        while state.entries.count > entryLimit || state.bytes > byteLimit {
            let (key, number) = state.order[state.oldest]
            state.oldest += 1
            if state.entries[key]?.number == number { Self.remove(key, from: &state) }
        }
        compact(&state)
    }

    /// Removes stale entries from the order once they are the majority.
    private func compact(_ state: inout State) {
        guard state.order.count > 64, state.order.count > 2 * state.entries.count else { return }
        let entries = state.entries
        state.order = state.order[state.oldest...].filter { entries[$0.key]?.number == $0.number }
        state.oldest = 0
    }
}
