import CountersignHTTP
package import TokenExchange

/// Draws a ``KeyTimeline``. Time runs downwards, one row for each moment, so that no two labels can meet however close
/// their moments are; a longer pause has more room, but not in proportion.
package struct KeyTimelineDrawing {
    private let timeline: KeyTimeline
    private let width: Int
    private let labels: [Label]
    /// Where the rows end.
    private let bottom: Int

    /// The text of a row.
    private struct Label {
        /// The middle of its first line.
        let y: Int
        let heading: String
        let lines: [String]
    }

    private static let margin = 16
    private static let columnWidth = 30
    private static let barWidth = 14
    private static let line = 18
    private static let top = 56

    /// - Parameter width: in units of a drawing, which are pixels unless it is scaled; at least 300.
    package init(_ moments: [SigningKeyMoment], today: UnixTime, width: Int) {
        timeline = KeyTimeline(moments, today: today, limit: (width - 200) / Self.columnWidth)
        self.width = width
        let text = width - Self.textStart(timeline) - Self.margin
        var (labels, next) = ([Label](), Self.top)
        for (index, row) in timeline.rows.enumerated() {
            let lines = Self.wrapped(Self.body(of: row, timeline, index), in: text)
            let heading = index == timeline.today ? "Today" : row.at.dateInWords
            labels.append(Label(y: next, heading: heading, lines: lines))
            let pause = index + 1 < timeline.rows.count ? timeline.rows[index + 1].at - row.at : .zero
            next += (1 + lines.count) * Self.line + 12 + Self.room(for: pause)
        }
        self.labels = labels
        bottom = next
    }

    private static func textStart(_ timeline: KeyTimeline) -> Int { margin + timeline.columns.count * columnWidth + 8 }

    private static func body(of row: KeyTimeline.Row, _ timeline: KeyTimeline, _ index: Int) -> String {
        let events = row.events.joined(separator: ", ")
        guard index == timeline.today else {
            return "\(row.at.inWords(at: timeline.rows[timeline.today].at)): \(events)"
        }
        let isLast = index + 1 == timeline.rows.count
        return row.at.dateInWords + (events.isEmpty ? "" : ": \(events)") + (isLast ? "" : "; from here on, the plan")
    }

    /// 8 for each time that a pause is ten times as long as a minute.
    private static func room(for pause: Duration) -> Int {
        var (room, minutes) = (0, pause.inSeconds / 60)
        while minutes >= 10 {
            room += 8
            minutes /= 10
        }
        return room
    }

    /// In lines that fit into `width` in any usual font.
    private static func wrapped(_ text: String, in width: Int) -> [String] {
        let limit = max(8, width * 10 / 76)
        var lines = [""]
        for word in text.split(separator: " ") {
            let longer = lines[lines.count - 1].isEmpty ? String(word) : "\(lines[lines.count - 1]) \(word)"
            if longer.count <= limit || lines[lines.count - 1].isEmpty {
                lines[lines.count - 1] = longer
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    // MARK: - The whole

    /// As a part of a page, which has the sheet.
    var piece: HTML { drawing.piece }

    /// As a file of its own.
    package var file: String { drawing.file }

    private var drawing: Drawing {
        let rows = labels.map { "\($0.heading): \($0.lines.joined(separator: " ")). " }
        return Drawing(
            name: "timeline", title: "Signing keys over time", description: rows.joined(), width: width, height: height,
            content: hatching + plan + guides + bars + texts + legend)
    }

    private var height: Int {
        let lines = legendEntries.count + timeline.columns.count + (timeline.leftOut > 0 ? 2 : 1)
        return bottom + lines * (Self.line + 2) + 36
    }

    // MARK: - Rows and bars

    private func middle(of column: Int) -> Int { Self.margin + column * Self.columnWidth + Self.columnWidth / 2 }

    private var textStart: Int { Self.textStart(timeline) }

    /// Behind everything that has yet to happen.
    private var plan: HTML {
        let y = labels[timeline.today].y
        return HTML("rect", ["class": "plan", "y": "\(y)", "width": "\(width)", "height": "\(bottom - y)"])
    }

    private var guides: HTML {
        lines(labels.indices.filter { $0 != timeline.today }, "guide", from: Self.margin, to: textStart - 6)
            + lines([timeline.today], "today", from: 0, to: textStart - 6)
    }

    private func lines(_ rows: [Int], _ name: String, from start: Int, to end: Int) -> HTML {
        rows.map { labels[$0].y }.reduce(.nothing) { drawing, y in
            drawing
                + HTML("line", ["class": name, "x1": "\(start)", "x2": "\(end)", "y1": "\(y)", "y2": "\(y)"])
        }
    }

    private var bars: HTML {
        timeline.columns.enumerated().reduce(.nothing) { drawing, item in
            let (column, x) = (item.element, middle(of: item.offset))
            let bars = column.bars.reduce(HTML.nothing) { $0 + bar($1, of: column, at: x) }
            return drawing + text(column.name, "name", x, 26) + bars + mark(column.revoked, at: x)
        }
    }

    private func bar(_ bar: KeyTimeline.Bar, of column: KeyTimeline.Column, at x: Int) -> HTML {
        let start = bar.start.map { labels[$0].y } ?? Self.top - 20
        let end = bar.end.map { labels[$0].y } ?? bottom - 12
        let tip = "\(x - 7),\(end + 2) \(x + 7),\(end + 2) \(x),\(end + 10)"
        return swatch(bar.phase, x, start, end - start)
            + (bar.end == nil ? HTML("polygon", ["class": "tip", "points": tip]) : .nothing)
    }

    private func swatch(_ phase: KeyTimeline.Phase, _ x: Int, _ y: Int, _ height: Int) -> HTML {
        HTML(
            "rect",
            [
                "class": phase.name, "x": "\(x - Self.barWidth / 2)", "y": "\(y + 1)", "width": "\(Self.barWidth)",
                "height": "\(height - 2)", "rx": "3",
            ])
    }

    /// A cross.
    private func mark(_ row: Int?, at x: Int) -> HTML { row.map { cross(x, labels[$0].y) } ?? .nothing }

    private func cross(_ x: Int, _ y: Int) -> HTML {
        HTML("path", ["class": "revoked", "d": "M\(x - 6),\(y - 6) l12,12 m0,-12 l-12,12"])
    }

    private var hatching: HTML {
        HTML("defs") {
            HTML(
                "pattern",
                [
                    "id": "timeline-hatching", "width": "5", "height": "5", "patternUnits": "userSpaceOnUse",
                    "patternTransform": "rotate(45)",
                ]
            ) { HTML("rect", ["class": "hatch", "width": "2", "height": "5"]) }
        }
    }

    // MARK: - Text

    private func text(_ text: String, _ name: String, _ x: Int, _ y: Int) -> HTML {
        HTML("text", ["class": name, "x": "\(x)", "y": "\(y)"]) { text }
    }

    private var texts: HTML {
        labels.enumerated().reduce(.nothing) { drawing, item in
            let (index, label) = item
            let heading = text(label.heading, index == timeline.today ? "now" : "date", textStart, label.y + 4)
            return label.lines.enumerated().reduce(drawing + heading) {
                $0 + text($1.element, "body", textStart, label.y + 4 + ($1.offset + 1) * Self.line)
            }
        }
    }

    private typealias LegendEntry = (text: String, draw: (_ x: Int, _ y: Int) -> HTML)

    private var legendEntries: [LegendEntry] {
        var entries = KeyTimeline.Phase.allCases.map { phase -> LegendEntry in
            (text: phase.meaning, draw: { x, y in swatch(phase, x, y - 8, 16) })
        }
        if timeline.columns.contains(where: { $0.revoked != nil }) {
            entries.append((text: "revoked: its tokens are dead", draw: cross))
        }
        return entries
    }

    private var legend: HTML {
        var (drawing, y) = (HTML.nothing, bottom + 24)
        func add(_ words: String, _ name: String, at x: Int) {
            drawing = drawing + text(words, name, x, y + 4)
            y += Self.line + 2
        }
        for (words, draw) in legendEntries {
            drawing = drawing + draw(middle(of: 0), y)
            add(words, "body", at: Self.margin + Self.columnWidth + 8)
        }
        y += 10
        let room = (width - 2 * Self.margin) * 10 / 76
        for column in timeline.columns {
            add(
                Self.cut("\(column.name)  \(column.algorithm.rawValue)  \(column.keyID)", to: room), "key",
                at: Self.margin)
        }
        if timeline.leftOut > 0 { add("\(timeline.leftOut) more keys are not drawn.", "body", at: Self.margin) }
        add("Times are UTC.", "body", at: Self.margin)
        return drawing
    }

    private static func cut(_ text: String, to limit: Int) -> String {
        text.count <= limit ? text : text.prefix(limit - 1) + "…"
    }
}

extension KeyTimeline.Phase {
    /// Of its class in the style sheet.
    fileprivate var name: String {
        switch self {
        case .published: "published"
        case .signs: "signs"
        case .retires: "retires"
        }
    }

    fileprivate var meaning: String {
        switch self {
        case .published: "published, does not sign yet"
        case .signs: "signs new tokens"
        case .retires: "retires: its tokens still count"
        }
    }
}
