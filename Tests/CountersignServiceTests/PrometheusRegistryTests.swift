import CoreMetrics
import CountersignHTTP
import CountersignService
import Synchronization
import Testing
import TokenExchange

@Suite struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry([.counter("requests_total", "All requests.")])

    @Test func writesTheExpositionFormat() {
        Counter(label: "requests_total", dimensions: [("status", "200"), ("route", "a")], factory: registry).increment(
            by: 2)
        Counter(label: "requests_total", dimensions: [("route", "a"), ("status", "200")], factory: registry).increment()
        Counter(label: "requests_total", dimensions: [("route", "\"b\"\n\\")], factory: registry).increment()
        registry.read { readings in
            readings.add(.gauge("age_seconds", "An age."), 1.5)
            readings.add(.gauge("unknown_seconds", "Left out."), nil)
        }
        #expect(
            registry.text == """
                # HELP age_seconds An age.
                # TYPE age_seconds gauge
                age_seconds 1.5
                # HELP requests_total All requests.
                # TYPE requests_total counter
                requests_total{route="\\"b\\"\\n\\\\"} 1
                requests_total{route="a",status="200"} 3

                """)
    }

    @Test func writesTheSeriesOfTheMoment() {
        let values = Mutex<[(LabelValue, Double)]>([])
        registry.read { readings in
            for (to, value) in values.withLock(\.self) {
                readings.add(.counter("calls_total", "Calls."), value, by: [.tenant: to])
            }
        }
        #expect(registry.text == "")
        values.withLock { $0 = [("b", 2), ("a\"", 1)] }
        let head = "# HELP calls_total Calls.\n# TYPE calls_total counter\n"
        #expect(registry.text == head + "calls_total{tenant=\"a\\\"\"} 1.0\ncalls_total{tenant=\"b\"} 2.0\n")
        values.withLock { $0 = [("b", 3)] }
        #expect(registry.text == head + "calls_total{tenant=\"b\"} 3.0\n")
    }

    @Test func countsDurationsInCumulativeBuckets() {
        let timer = Timer(label: "seconds", dimensions: [("route", "a")], factory: registry)
        #expect(registry.text == "", "a histogram of nothing is left out")
        for milliseconds: Int64 in [0, 1, 3, 20_000] { timer.recordNanoseconds(milliseconds * 1_000_000) }
        let lines = registry.text.split(separator: "\n")
        #expect(lines.contains(#"seconds_bucket{route="a",le="0.0005"} 1"#))
        #expect(lines.contains(#"seconds_bucket{route="a",le="0.001"} 2"#))
        #expect(lines.contains(#"seconds_bucket{route="a",le="10.0"} 3"#))
        #expect(lines.contains(#"seconds_bucket{route="a",le="+Inf"} 4"#))
        #expect(lines.contains(#"seconds_sum{route="a"} 20.004"#))
        #expect(lines.contains(#"seconds_count{route="a"} 4"#))
    }

    /// Event loops record without a lock.
    @Test func losesNoDurationThatSeveralThreadsRecordAtOnce() async {
        let timer = Timer(label: "seconds", dimensions: [], factory: registry)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<200_000 { timer.recordNanoseconds(2_000_000) } } }
        }
        let lines = registry.text.split(separator: "\n")
        #expect(lines.contains(#"seconds_bucket{le="0.0025"} 800000"#) && lines.contains("seconds_count 800000"))
        #expect(lines.contains(#"seconds_bucket{le="0.001"} 0"#) && lines.contains("seconds_sum 1600.0"))
    }

    /// What a request says has other types, and only a literal of the program is a `StaticString`.
    @Test func makesLabelsOfConstantsAndConfiguredNamesOnly() {
        #expect(LabelValue.StringLiteralType.self == StaticString.self)
        #expect(!((LabelValue.self as Any) is any ExpressibleByStringInterpolation.Type))
        #expect(LabelValue(Refusal.keyUnknown).text == "key_unknown")
        #expect(LabelValue(UInt16(200)).text == "200")
    }
}
