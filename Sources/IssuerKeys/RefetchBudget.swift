package import TokenExchange

/// Who may cause a fetch for a key that the set does not have: an unknown `kid`, or a signature that the key of that name
/// finds bad.
///
/// In each cool-down there are two slots. Anybody may take the general one; the reserved one is for sources without a
/// record, so that a flood from one address cannot use up what a real rotation needs. A source whose fetch brought
/// nothing gets a record: it is barred for a time that doubles with each further one, and the record is kept for twice that time.
package struct RefetchBudget {
    /// More records are never needed: at most two are made in a cool-down, and each lasts 64 cool-downs at most.
    package static let sourceLimit = 1_000
    /// The longest bar of a source, in cool-downs.
    package static let longestBar = 32

    private struct Record {
        var bar: Duration
        var barredUntil: Duration
        var forgottenAt: Duration
    }

    private let cooldown: Duration
    private var generalSlotFreeAt: Duration?
    private var reservedSlotFreeAt: Duration?
    private var records: [RequestSource?: Record] = [:]

    /// All slots are free, and nobody is barred.
    package init(cooldown: Duration) {
        self.cooldown = cooldown
    }

    /// Sources on record, forgotten ones included until room is needed.
    package var recordCount: Int { records.count }

    /// Takes a slot for `source`; false if it may have none now.
    package mutating func take(for source: RequestSource?, at now: Duration) -> Bool {
        let record = records[source].flatMap { now < $0.forgottenAt ? $0 : nil }
        if let record, now < record.barredUntil { return false }
        if generalSlotFreeAt.map({ now >= $0 }) ?? true {
            generalSlotFreeAt = now + cooldown
        } else if record == nil, reservedSlotFreeAt.map({ now >= $0 }) ?? true {
            reservedSlotFreeAt = now + cooldown
        } else {
            return false
        }
        return true
    }

    /// The fetch that `source` caused brought what it had asked for.
    package mutating func recordFruitful(_ source: RequestSource?) {
        records[source] = nil
    }

    /// The fetch that `source` caused succeeded without the key that it had asked for.
    package mutating func recordFruitless(_ source: RequestSource?, at now: Duration) {
        let previous = records[source].flatMap { now < $0.forgottenAt ? $0.bar : nil }
        let bar = min(previous.map { $0 * 2 } ?? cooldown, cooldown * Self.longestBar)
        if records[source] == nil { makeRoom(at: now) }
        records[source] = Record(bar: bar, barredUntil: now + bar, forgottenAt: now + bar * 2)
    }

    private mutating func makeRoom(at now: Duration) {
        guard records.count >= Self.sourceLimit else { return }
        records = records.filter { now < $0.value.forgottenAt }
        guard records.count >= Self.sourceLimit,
            let oldest = records.min(by: { $0.value.forgottenAt < $1.value.forgottenAt })
        else { return }
        records[oldest.key] = nil
    }
}
