import CountersignHTTP
import TokenExchange

/// The logins of one identity provider, a bar for each minute: above the line those that went on, below it those that did
/// not. The same numbers are in a table below.
struct LoginChart {
    private let provider: ExactText
    private let minutes: [RequestHistory.Tally]

    /// - Parameter minutes: the oldest first.
    init(provider: ExactText, minutes: [RequestHistory.Tally]) {
        self.provider = provider
        self.minutes = minutes
    }

    private static let (width, height, step) = (600, 80, 10)
    private static let above: [RequestHistory.Outcome] = [.issued, .replayed, .degraded]
    private static let below: [RequestHistory.Outcome] = [.refused, .failed]

    /// Chart and table.
    var piece: HTML {
        HTML("figure") {
            HTML("figcaption") {
                HTML("h3") { provider.description }
                HTML("span", ["class": "soft"]) { "\(total) logins, at most \(busiest) in a minute" }
            }
            drawing
            HTML("p", ["class": "axis soft", "aria-hidden": "true"]) {
                HTML("span") { "an hour ago" }
                HTML("span") { "now" }
            }
            HTML("ul", ["class": "outcomes"]) {
                for outcome in RequestHistory.Outcome.allCases {
                    HTML("li") {
                        HTML("svg", ["class": "drawing key", "viewBox": "0 0 10 10", "aria-hidden": "true"]) {
                            HTML("rect", ["class": outcome.name, "width": "10", "height": "10", "rx": "2"])
                        }
                        "\(outcome.name) "
                        HTML("b") { "\(count(outcome))" }
                    }
                }
            }
        }
    }

    private func count(_ outcome: RequestHistory.Outcome) -> Int { minutes.reduce(0) { $0 + $1[outcome] } }

    private var total: Int { minutes.reduce(0) { $0 + $1.total } }

    private var busiest: Int { minutes.map(\.total).max() ?? 0 }

    /// Both directions have one scale, and room for their highest bar.
    var drawing: HTML {
        let (up, down) = (highest(Self.above), highest(Self.below))
        let unit = Double(Self.height - 2) / Double(max(1, up + down))
        let zero = 1 + Int((Double(up) * unit).rounded())
        let counts = RequestHistory.Outcome.allCases.map { "\(count($0)) \($0.name)" }.joined(separator: ", ")
        return HTML(
            "svg",
            [
                "class": "drawing bars", "role": "img", "viewBox": "0 0 \(Self.width) \(Self.height)",
                "preserveAspectRatio": "none", "aria-label": "Logins of \(provider) by the minute: \(counts)",
            ]
        ) {
            for (index, tally) in minutes.enumerated() {
                stack(Self.above, tally, unit, index, from: zero, upwards: true)
                stack(Self.below, tally, unit, index, from: zero, upwards: false)
            }
            HTML("line", ["class": "base", "x1": "0", "x2": "\(Self.width)", "y1": "\(zero)", "y2": "\(zero)"])
        }
    }

    private func highest(_ outcomes: [RequestHistory.Outcome]) -> Int {
        minutes.map { tally in outcomes.reduce(0) { $0 + tally[$1] } }.max() ?? 0
    }

    /// One minute's bar in one direction; a login that is counted at all can be seen.
    private func stack(
        _ outcomes: [RequestHistory.Outcome], _ tally: RequestHistory.Tally, _ unit: Double, _ index: Int,
        from zero: Int, upwards: Bool
    ) -> HTML {
        var (bars, edge) = (HTML.nothing, 0.0)
        for outcome in outcomes where tally[outcome] > 0 {
            let (start, end) = (edge, edge + Double(tally[outcome]) * unit)
            let (low, high) = (Int(start.rounded()), max(Int(start.rounded()) + 1, Int(end.rounded())))
            let y = upwards ? zero - high : zero + low
            bars =
                bars
                + HTML(
                    "rect",
                    [
                        "class": outcome.name, "x": "\(index * Self.step + 1)", "y": "\(max(0, y))",
                        "width": "\(Self.step - 2)", "height": "\(high - low)",
                    ])
            edge = end
        }
        return bars
    }
}

extension RequestHistory.Outcome {
    /// For people, and of its class in the style sheet.
    var name: String {
        switch self {
        case .issued: "issued"
        case .replayed: "replayed"
        case .degraded: "degraded"
        case .refused: "refused"
        case .failed: "failed"
        }
    }
}
