/// One thing that a ``CapacityPlan`` may run out of.
package struct CapacityLimit: Sendable {
    /// What has to grow for the limit to be reached.
    enum Cause: Sendable {
        case stores, associates
    }

    package let name: String
    package let need: Double
    /// What there is, half of it for what must stay half free.
    let room: Double
    /// What of the need is there without any store.
    let base: Double
    let cause: Cause
    /// In figures: `4800 of 4096 connections`.
    let words: String
    let remedy: String

    init(
        _ name: String, need: Double, room: Double, base: Double = 0, cause: Cause = .stores, words: String,
        remedy: String
    ) {
        self.name = name
        self.need = need
        self.room = room
        self.base = base
        self.cause = cause
        self.words = words
        self.remedy = remedy
    }

    /// 1 if it is reached.
    package var used: Double { need / room }

    /// By what the stores, or the associates of each, have to grow until the limit is reached.
    package var growth: Double { max(0, room - base) / max(need - base, .leastNormalMagnitude) }
}
