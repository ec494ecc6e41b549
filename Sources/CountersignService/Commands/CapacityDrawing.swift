import CountersignHTTP
import Foundation

/// Draws up to how many stores each limit of a ``CapacityPlan`` lasts: a bar for each, over a scale in powers of ten.
package struct CapacityDrawing {
    private let plan: CapacityPlan
    /// Each limit that stores reach, with their number, the nearest first.
    private let bars: [(name: String, stores: Double)]
    /// Powers of ten.
    private let decades: ClosedRange<Int>

    private static let (width, margin, start, top, rowHeight) = (720, 40, 210, 84, 46)

    package init(_ plan: CapacityPlan) {
        self.plan = plan
        let stores = Double(plan.settings.stores)
        bars = plan.limits.filter { $0.cause == .stores }.map { ($0.name, stores * $0.growth) }
        let numbers = (bars.map(\.stores) + [stores]).map { log10(min(max($0, 1), 1e12)) }
        let (least, most) = (numbers.min() ?? 0, numbers.max() ?? 0)
        decades = Int(least.rounded(.down))...max(Int(most.rounded(.up)), Int(least.rounded(.down)) + 1)
    }

    /// As a file of its own.
    package var file: String {
        let words = bars.map { "\($0.name): about \($0.stores.rough) stores. " }
        return Drawing(
            name: "plan", title: "Up to how many stores each limit lasts", description: words.joined(),
            width: Self.width, height: bottom + 52, content: scale + rows + today
        ).file
    }

    private var bottom: Int { Self.top + bars.count * Self.rowHeight }

    private func x(_ stores: Double) -> Int {
        let span = Double(decades.upperBound - decades.lowerBound)
        let share = (log10(max(stores, 1)) - Double(decades.lowerBound)) / span
        return Self.start + Int((min(max(share, 0), 1) * Double(Self.width - Self.margin - Self.start)).rounded())
    }

    private func text(_ text: String, _ name: String, _ x: Int, _ y: Int) -> HTML {
        HTML("text", ["class": name, "x": "\(x)", "y": "\(y)"]) { text }
    }

    private func line(_ name: String, at x: Int, from top: Int) -> HTML {
        HTML("line", ["class": name, "x1": "\(x)", "x2": "\(x)", "y1": "\(top)", "y2": "\(bottom)"])
    }

    /// Stores below, and the callbacks that they send.
    private var scale: HTML {
        let callbacks = plan.callbacksPerSecond / Double(plan.settings.stores)
        return decades.reduce(
            text("stores", "body", Self.margin, bottom + 18)
                + text("callbacks/s", "body", Self.margin, bottom + 36)
        ) {
            let stores = pow(10, Double($1))
            let middle = x(stores)
            return $0 + line("guide", at: middle, from: Self.top - 16)
                + text(stores.figure, "name", middle, bottom + 18)
                + text((callbacks * stores).figure, "name", middle, bottom + 36)
        }
    }

    private var rows: HTML {
        bars.enumerated().reduce(.nothing) { drawing, row in
            let (y, bar) = (Self.top + row.offset * Self.rowHeight, row.element)
            let isReached = bar.stores < Double(plan.settings.stores)
            let end = max(x(bar.stores), Self.start + 2)
            return drawing
                + text(bar.name, "date", Self.margin, y + 14)
                + text("about \(bar.stores.rough) stores", "body", Self.margin, y + 32)
                + HTML(
                    "rect",
                    [
                        "class": isReached ? "failed" : "signs", "x": "\(Self.start)", "y": "\(y + 10)",
                        "width": "\(end - Self.start)", "height": "16", "rx": "3",
                    ])
        }
    }

    private var today: HTML {
        let stores = Double(plan.settings.stores)
        return line("today", at: x(stores), from: Self.top - 24)
            + text("Up to how many stores each limit lasts", "date", Self.margin, 24)
            + text(
                "with \(plan.carrying.of("replica")) of \(plan.settings.cores.of("core")) and 1 more; the line is at "
                    + plan.settings.stores.of("store"), "body", Self.margin, 44)
    }
}
