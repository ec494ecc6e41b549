import CountersignService
import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `deploy/`: rules that promtool accepts, a dashboard that can be read, and nothing in either that the documents do not
/// explain.
@Suite struct MonitoringTests {
    private static let prometheus = "\(CountersignProcess.repository)/deploy/prometheus"

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(CountersignProcess.repository)/\(path)", encoding: .utf8)
    }

    private func promtool(_ words: String...) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run("promtool", words)
    }

    // MARK: Rules

    @Test func hasRulesThatPrometheusReads() async throws {
        for words in [["check", "rules", "countersign.rules.yaml"], ["check", "config", "prometheus.yaml"]] {
            let result = try await promtool(words[0], words[1], "\(Self.prometheus)/\(words[2])")
            #expect(result.status == 0, "\(result.output)")
        }
    }

    @Test func alertsWhenItShouldAndOnlyThen() async throws {
        let result = try await promtool("test", "rules", "\(Self.prometheus)/countersign.rules.test.yaml")
        #expect(result.status == 0, "\(result.output.suffix(3000))")
    }

    private var alerts: [String] {
        get throws {
            try text("deploy/prometheus/countersign.rules.yaml").matches(of: /- alert: (\w+)\n/).map { String($0.1) }
        }
    }

    /// One that never fires in a test may never fire at all; the first test is a quiet night.
    @Test func testsThatEachAlertFiresAndThatNoneDoesInAQuietNight() throws {
        let tests = try text("deploy/prometheus/countersign.rules.test.yaml").split(separator: "\n  - name: ")
            .dropFirst()
        let night = try #require(tests.first)
        #expect(night.hasPrefix("nobody is called in a quiet shop at night\n") && !night.contains("exp_labels"))
        let fires = Set(
            tests.flatMap { $0.matches(of: /alertname: (\w+)\n +exp_alerts:\n +- exp_labels/).map { String($0.1) } })
        let alerts = try alerts
        #expect(alerts.count > 30 && Set(alerts).count == alerts.count)
        for alert in alerts {
            #expect(fires.contains(alert), "no test has \(alert) fire")
            #expect(night.contains("alertname: \(alert), exp_alerts: []"), "\(alert) is not looked for at night")
        }
    }

    @Test func explainsEachAlertInTheRunbook() throws {
        let (rules, runbook) = (try text("deploy/prometheus/countersign.rules.yaml"), try text("docs/runbook.md"))
        let paragraphs = runbook.split(separator: "\n### ").dropFirst()
        #expect(paragraphs.map { String($0.prefix { $0 != "\n" }) } == (try alerts), "the same ones, in the same order")
        for (alert, paragraph) in zip(try alerts, paragraphs) {
            let rule = rules.split(separator: "- alert: ").first { $0.hasPrefix("\(alert)\n") } ?? ""
            #expect(rule.contains("runbook_url: docs/runbook.md#\(alert.lowercased())\n"), "\(alert)")
            let severity = try #require(rule.firstMatch(of: #/severity: (page|ticket) /#)?.1, "\(alert)")
            #expect(paragraph.contains("\n`\(severity)`. **Means:** "), "\(alert)")
            #expect(paragraph.contains("\n**Look at:** ") && paragraph.contains("\n**Do:** "), "\(alert)")
        }
        let anchors = Set(try alerts.map { $0.lowercased() })
        for link in runbook.matches(of: /\(#(countersign\w+)\)/) {
            #expect(anchors.contains(String(link.1)), "\(link.1)")
        }
    }

    // MARK: Metrics

    /// The names in expressions, as the program has them: without what Prometheus adds to a histogram's.
    private func metrics(in expressions: String) -> Set<String> {
        let words = expressions.matches(of: /\b(countersign_\w+|process_\w+)/).map { String($0.1) }
        return Set(words.map { $0.replacing(/_seconds_(bucket|count|sum)$/, with: "_seconds") })
    }

    private func expressions(of dashboard: JSONValue) -> [String] {
        switch dashboard {
        case .object(let members):
            members.flatMap { member -> [String] in
                guard member.name == "expr" || member.name == "query", let text = member.value.string else {
                    return expressions(of: member.value)
                }
                return [String(text)]
            }
        case .array(let elements): elements.flatMap(expressions)
        default: []
        }
    }

    private var dashboard: JSONValue {
        get throws {
            try JSONValue(
                parsing: Array(try text("deploy/grafana/countersign.json").utf8),
                limits: JSONLimits(depth: 16, members: 1000))
        }
    }

    private static var hasDocument: Bool {
        FileManager.default.fileExists(atPath: "\(CountersignProcess.repository)/docs/metrics.md")
    }

    /// Prometheus cannot tell a metric that is misspelled from one that is not there yet.
    @Test(.enabled(if: hasDocument)) func usesOnlyMetricsThatTheDocumentNames() throws {
        let document = try text("docs/metrics.md")
        let known = Set(document.matches(of: /\| `(\w+)` \| (?:counter|gauge|histogram) \|/).map { String($0.1) })
        #expect(known.count > 50)
        let rules = try text("deploy/prometheus/countersign.rules.yaml")
        let recorded = Set(rules.matches(of: /- record: (\S+)\n/).map { String($0.1) })
        for (place, expressions) in [
            ("rules", rules.replacing(#/ #.*/#, with: "")),
            ("dashboard", try expressions(of: dashboard).joined(separator: "\n")),
            ("docs/service-levels.md", try text("docs/service-levels.md")),
            ("docs/runbook.md", try text("docs/runbook.md")),
        ] {
            let used = metrics(in: expressions)
            #expect(used.count > 3, "\(place)")
            #expect(used.subtracting(known).sorted() == [], "\(place)")
            let records = Set(expressions.matches(of: /\bcountersign:\w+:\w+/).map { String($0.0) })
            #expect(records.subtracting(recorded).sorted() == [], "\(place)")
        }
    }

    // MARK: Dashboard

    @Test func drawsPanelsThatDoNotOverlap() throws {
        guard case .array(let panels) = try dashboard["panels"] else {
            Issue.record("no panels")
            return
        }
        let ids = panels.compactMap { $0["id"]?.integer }
        #expect(panels.count > 30 && Set(ids).count == panels.count)
        var taken: Set<[Int64]> = []
        for panel in panels {
            let title = panel["title"]?.string.map { String($0) } ?? ""
            let sides = ["x", "y", "w", "h"].compactMap { panel["gridPos"]?[ExactText($0)]?.integer }
            try #require(sides.count == 4, "\(title)")
            for x in sides[0]..<(sides[0] + sides[2]) {
                #expect(x < 24, "\(title)")
                for y in sides[1]..<(sides[1] + sides[3]) { #expect(taken.insert([x, y]).inserted, "\(title)") }
            }
            let isRow = panel["type"]?.string == "row"
            #expect(isRow == expressions(of: panel).isEmpty, "\(title)")
            #expect(isRow || panel["description"]?.string?.bytes.isEmpty == false, "\(title) has no description")
        }
    }

    /// As rules, with Grafana's variables filled in.
    @Test func asksWhatPrometheusUnderstands() async throws {
        let expressions = try expressions(of: dashboard).filter { !$0.hasPrefix("label_values(") && $0 != "prometheus" }
        #expect(expressions.count > 40)
        let rules = expressions.enumerated().map { index, expression in
            let filled = expression.replacing("$__rate_interval", with: "5m").replacing(/\$\w+/, with: ".*")
            return "  - record: panel:\(index)\n    expr: '\(filled)'\n"
        }
        let folder = TemporaryFolder()
        let file = try folder.write("rules.yaml", "groups:\n- name: dashboard\n  rules:\n" + rules.joined())
        let result = try await promtool("check", "rules", file)
        #expect(result.status == 0, "\(result.output)")
    }
}
