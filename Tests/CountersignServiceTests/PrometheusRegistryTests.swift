import CoreMetrics
import CountersignService
import Synchronization
import Testing

@Suite struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry(descriptions: ["requests_total": "All requests."])

    @Test func writesTheExpositionFormat() {
        Counter(label: "requests_total", dimensions: [("status", "200"), ("route", "a")], factory: registry).increment(
            by: 2)
        Counter(label: "requests_total", dimensions: [("route", "a"), ("status", "200")], factory: registry).increment()
        Counter(label: "requests_total", dimensions: [("route", "\"b\"\n\\")], factory: registry).increment()
        registry.addGauge("age_seconds") { 1.5 }
        registry.addGauge("unknown_seconds") { nil }
        #expect(
            registry.text == """
                # TYPE age_seconds gauge
                age_seconds 1.5
                # HELP requests_total All requests.
                # TYPE requests_total counter
                requests_total{route="\\"b\\"\\n\\\\"} 1
                requests_total{route="a",status="200"} 3

                """)
    }

    @Test func writesTheSeriesOfTheMoment() {
        let values = Mutex<[(String, Double)]>([])
        registry.addFamily("calls", isCounter: true, by: "to") { values.withLock { $0 } }
        #expect(registry.text == "")
        values.withLock { $0 = [("b", 2), ("a\"", 1)] }
        #expect(registry.text == "# TYPE calls counter\ncalls{to=\"a\\\"\"} 1.0\ncalls{to=\"b\"} 2.0\n")
        values.withLock { $0 = [("b", 3)] }
        #expect(registry.text == "# TYPE calls counter\ncalls{to=\"b\"} 3.0\n")
    }

    @Test func countsDurationsInCumulativeBuckets() {
        let timer = Timer(label: "seconds", dimensions: [("route", "a")], factory: registry)
        for milliseconds: Int64 in [0, 1, 3, 20_000] { timer.recordNanoseconds(milliseconds * 1_000_000) }
        let lines = registry.text.split(separator: "\n")
        #expect(lines.contains(#"seconds_bucket{route="a",le="0.0005"} 1"#))
        #expect(lines.contains(#"seconds_bucket{route="a",le="0.001"} 2"#))
        #expect(lines.contains(#"seconds_bucket{route="a",le="10.0"} 3"#))
        #expect(lines.contains(#"seconds_bucket{route="a",le="+Inf"} 4"#))
        #expect(lines.contains(#"seconds_sum{route="a"} 20.004"#))
        #expect(lines.contains(#"seconds_count{route="a"} 4"#))
    }
}
