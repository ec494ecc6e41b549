package import TokenExchange

/// The lives of signing keys, laid out for a drawing: moments are rows, from the past down to the future, and each key has
/// a column with a bar for each part of its life.
package struct KeyTimeline: Equatable {
    /// What a key does for a while.
    package enum Phase: CaseIterable {
        case published, signs, retires
    }

    /// One phase of one key, from a row to a row.
    package struct Bar: Equatable {
        package let phase: Phase
        /// Nil if it began before the first row.
        package let start: Int?
        /// Nil if it goes on after the last row.
        package fileprivate(set) var end: Int?

        package init(phase: Phase, start: Int?, end: Int? = nil) {
            self.phase = phase
            self.start = start
            self.end = end
        }
    }

    /// One key.
    package struct Column: Equatable {
        /// A letter, in the order in which keys appear.
        package let name: String
        package let keyID: ExactText
        package let algorithm: SignatureAlgorithm
        /// In the order of time, without gaps.
        package fileprivate(set) var bars: [Bar] = []
        /// The row in which it was revoked; nil if it was not.
        package fileprivate(set) var revoked: Int?
    }

    /// One moment.
    package struct Row: Equatable {
        package let at: UnixTime
        /// Each begins with the name of a key; empty if today is all there is to say.
        package fileprivate(set) var events: [String] = []
    }

    package private(set) var columns: [Column] = []
    package private(set) var rows: [Row]
    /// The row that is today.
    package let today: Int
    /// How many keys have no column, for lack of room.
    package let leftOut: Int

    /// - Parameters:
    ///   - moments: in any order, except that those of one time are in the order of what happened. A key that is first
    ///     heard of when it retires has signed until then.
    ///   - limit: of columns; keys that are of use, or will be, come first.
    package init(_ moments: [SigningKeyMoment], today: UnixTime, limit: Int) {
        let now = UnixTime(milliseconds: today.milliseconds)
        let all = moments.map { SigningKeyMoment(at: UnixTime(milliseconds: $0.at.milliseconds), $0.change) }
        let keys = Self.keys(of: all.sorted { $0.at < $1.at })
        let ended = Set(all.filter { $0.at <= now && $0.change.isEnd }.map(\.change.keyID))
        let shown = Set((keys.filter { !ended.contains($0) } + keys.filter(ended.contains)).prefix(limit))
        let told = all.filter { shown.contains($0.change.keyID) }
        let times = Set(told.map(\.at.milliseconds) + [now.milliseconds]).sorted()
        rows = times.map { Row(at: UnixTime(milliseconds: $0)) }
        self.today = times.firstIndex(of: now.milliseconds) ?? 0
        leftOut = keys.count - shown.count
        for (row, time) in times.enumerated() {
            for moment in told where moment.at.milliseconds == time { take(moment.change, in: row) }
        }
    }

    /// Each once, in the order of their first moments.
    private static func keys(of moments: [SigningKeyMoment]) -> [ExactText] {
        var seen: Set<ExactText> = []
        return moments.map(\.change.keyID).filter { seen.insert($0).inserted }
    }

    private mutating func take(_ change: SigningKeyChange, in row: Int) {
        switch change {
        case .published(let key): begin(.published, key, in: row, "is published")
        case .activated(let key): begin(.signs, key, in: row, "signs")
        case .retiring(let key): begin(.retires, key, in: row, "retires", after: .signs)
        case .removed(let key, let isWithdrawn): end(key, in: row, isWithdrawn ? "is withdrawn" : "is gone")
        case .revoked(let key):
            end(key, in: row, "is revoked")
            columns[column(of: key)].revoked = row
        case .passedOver, .notReplaced: break
        }
    }

    /// - Parameter former: what a key that appears here has done until now; nil for nothing.
    private mutating func begin(
        _ phase: Phase, _ key: SigningKeyRecord, in row: Int, _ event: String, after former: Phase? = nil
    ) {
        let index = column(of: key)
        if columns[index].bars.isEmpty, let former { columns[index].bars.append(Bar(phase: former, start: nil)) }
        finish(index, in: row)
        columns[index].bars.append(Bar(phase: phase, start: row))
        rows[row].events.append("\(columns[index].name) \(event)")
    }

    private mutating func end(_ key: SigningKeyRecord, in row: Int, _ event: String) {
        let index = column(of: key)
        finish(index, in: row)
        rows[row].events.append("\(columns[index].name) \(event)")
    }

    /// A bar that would have no length is dropped.
    private mutating func finish(_ index: Int, in row: Int) {
        guard let last = columns[index].bars.indices.last, columns[index].bars[last].end == nil else { return }
        if columns[index].bars[last].start == row {
            columns[index].bars.removeLast()
        } else {
            columns[index].bars[last].end = row
        }
    }

    private mutating func column(of key: SigningKeyRecord) -> Int {
        if let known = columns.firstIndex(where: { $0.keyID == key.keyID }) { return known }
        columns.append(
            Column(name: Self.name(columns.count), keyID: key.keyID, algorithm: key.algorithm))
        return columns.count - 1
    }

    /// `A` to `Z`, then `A1` and so on.
    private static func name(_ number: Int) -> String {
        let letter = String(UnicodeScalar(UInt8(ascii: "A") + UInt8(number % 26)))
        return number < 26 ? letter : "\(letter)\(number / 26)"
    }
}

extension SigningKeyChange {
    /// Whether the key is of no use from then on.
    fileprivate var isEnd: Bool {
        switch self {
        case .removed, .revoked: true
        case .published, .activated, .retiring, .passedOver, .notReplaced: false
        }
    }
}
