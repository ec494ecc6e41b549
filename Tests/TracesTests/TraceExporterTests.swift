import Foundation
import NIOSSL
import Outbound
import ServiceLifecycle
import TestSupport
import Testing
import TokenExchange
import Traces

/// A collector, whatever it does, gets each span once if it wants it, and never more than a bounded number wait for it.
@Suite struct TraceExporterTests {
    /// An exporter at a manual clock, which looks at its queue each second.
    private struct Scene {
        let clock = ManualClock()
        let log = RecordedLog()
        let queue: SpanQueue
        let exporter: TraceExporter

        init(_ url: String, batch: Int = 10, queue limit: Int = 100, timeout: Duration = .seconds(5)) throws {
            queue = SpanQueue(limit: limit)
            exporter = TraceExporter(
                TraceExporter.Settings(
                    url: url,
                    headers: [("Authorization", UpstreamSecret(place: "env T") { _ in "Bearer MARKER" })],
                    batchSpans: batch, interval: .seconds(1), timeout: timeout),
                OutboundTransport(), tls: try OutboundClient.context(.makeClientConfiguration()), queue: queue,
                resource: TraceResource(service: "countersign", instance: "one", version: "1.2.3"), time: clock.time,
                sleep: clock.sleep, jitter: { 0.5 }, logger: log.logger)
        }

        func add(_ names: String...) {
            queue.append(
                names.enumerated().map { index, name in
                    TraceSpan(
                        TraceSpan.Request(
                            route: name, method: "GET", status: 200, requestID: "r", identityProvider: nil, tenant: nil,
                            outcome: nil, error: nil, failure: nil),
                        at: TraceSpan.Place(traceID: 1, id: UInt64(index + 1), parentID: nil),
                        TraceSpan.Period(.zero, .seconds(1), since: .seconds(1_764_003_600)))
                })
        }

        /// Runs it while `body` runs, and then cancels it.
        func running(_ body: () async throws -> Void) async throws {
            let running = Task { await exporter.run() }
            defer { running.cancel() }
            try await body()
        }

        /// Lets that much time pass once it sleeps.
        func pass(_ duration: Duration) async throws {
            try await eventually("it sleeps") { clock.sleeperCount == 1 }
            clock.advance(by: duration)
        }

        /// Exported, refused, failed, dropped.
        var counts: [Int] {
            let counts = exporter.counts
            return [counts.exported, counts.refused, counts.failed, queue.droppedCount]
        }
    }

    private func names(_ collector: FakeHTTPServer) throws -> [String] {
        try CollectedSpan.all(in: collector).map(\.name)
    }

    @Test func sendsWhatWaitsInBatches() async throws {
        let collector = try await CollectedSpan.collector()
        let scene = try Scene(collector.url, batch: 2)
        try await scene.running {
            scene.add("1", "2", "3")
            scene.add("4", "5")
            try await scene.pass(.seconds(1))
            try await eventually("all are sent") { scene.counts == [5, 0, 0, 0] }
            #expect(collector.requestCount == 3 && scene.queue.count == 0)
            #expect(try names(collector) == ["GET 1", "GET 2", "GET 3", "GET 4", "GET 5"])
            #expect(collector.requests[0].header("Authorization") == "Bearer MARKER")
            #expect(scene.log.lines.isEmpty)
        }
        try await collector.stop()
    }

    @Test func saysWhichProcessOfWhichServiceItIs() async throws {
        let collector = try await CollectedSpan.collector()
        let scene = try Scene(collector.url)
        try await scene.running {
            scene.add("1")
            try await scene.pass(.seconds(1))
            try await eventually("it is sent") { collector.requestCount == 1 }
            #expect(
                try CollectedSpan.all(in: collector)[0].resource == [
                    "service.name": "countersign", "service.instance.id": "one", "service.version": "1.2.3",
                ])
        }
        try await collector.stop()
    }

    @Test(arguments: [429, 502, 503, 504]) func sendsTheSameAgainWhenTheCollectorSays(status: Int) async throws {
        let collector = try await CollectedSpan.collector()
        collector.answerNext(.body("", status: status, headers: ["Retry-After": "7"]))
        let scene = try Scene(collector.url)
        try await scene.running {
            scene.add("1")
            try await scene.pass(.seconds(1))
            try await eventually("it is refused") { collector.requestCount == 1 }
            try await scene.pass(.milliseconds(6999))
            #expect(scene.clock.sleeperCount == 1 && collector.requestCount == 1)
            scene.clock.advance(by: .milliseconds(1))
            try await eventually("it is taken") { scene.counts == [1, 0, 0, 0] }
            #expect(collector.requestCount == 2 && collector.requests[0].body == collector.requests[1].body)
            #expect(
                scene.log.lines == [
                    "warning: traces do not reach their collector cause=status \(status)",
                    "notice: traces reach their collector again",
                ])
        }
        try await collector.stop()
    }

    @Test func givesABatchUpAfterFiveAttempts() async throws {
        let collector = try await CollectedSpan.collector(.status(503))
        let scene = try Scene(collector.url, batch: 1)
        try await scene.running {
            scene.add("1", "2")
            try await scene.pass(.seconds(1))
            for pause in [1, 2, 4, 8] {
                try await scene.pass(.seconds(pause) - .milliseconds(1))
                #expect(scene.clock.sleeperCount == 1)
                scene.clock.advance(by: .milliseconds(1))
            }
            try await eventually("the next one has its turn") { collector.requestCount == 6 }
            #expect(scene.counts == [0, 0, 1, 0])
            #expect(try names(collector) == Array(repeating: "GET 1", count: 5) + ["GET 2"])
        }
        try await collector.stop()
    }

    @Test(arguments: [400, 401, 404, 413, 500, 302]) func sendsNothingTwiceThatIsNotWanted(status: Int) async throws {
        let collector = try await CollectedSpan.collector(.status(status))
        let scene = try Scene(collector.url, batch: 1)
        try await scene.running {
            scene.add("1", "2")
            try await scene.pass(.seconds(1))
            try await eventually("both are refused") { scene.counts == [0, 2, 0, 0] }
            #expect(collector.requestCount == 2)
            #expect(scene.log.lines == ["warning: traces do not reach their collector cause=status \(status)"])
        }
        try await collector.stop()
    }

    @Test(arguments: [("\"2\"", [1, 2, 0, 0]), ("2", [1, 2, 0, 0]), ("\"-1\"", [3, 0, 0, 0]), ("9", [0, 3, 0, 0])])
    func countsWhatTheCollectorTookPartOf(rejected: String, counts: [Int]) async throws {
        let collector = try await CollectedSpan.collector(
            .body(#"{"partialSuccess":{"rejectedSpans":\#(rejected),"errorMessage":"no"}}"#))
        let scene = try Scene(collector.url)
        try await scene.running {
            scene.add("1", "2", "3")
            try await scene.pass(.seconds(1))
            try await eventually("they are sent") { scene.counts == counts }
            #expect(collector.requestCount == 1)
        }
        try await collector.stop()
    }

    @Test func waitsForACollectorThatIsDown() async throws {
        let gone = try await CollectedSpan.collector()
        let (url, port) = (gone.url, gone.port)
        try await gone.stop()
        let scene = try Scene(url)
        try await scene.running {
            scene.add("1")
            try await scene.pass(.seconds(1))
            try await eventually("it waits") { scene.clock.sleeperCount == 1 && !scene.log.lines.isEmpty }
            let back = try await CollectedSpan.collector(port: port)
            try await scene.pass(.seconds(1))
            try await eventually("it is sent") { scene.counts == [1, 0, 0, 0] }
            try await back.stop()
        }
    }

    @Test func givesASilentCollectorNoMoreThanItsTime() async throws {
        let collector = try await CollectedSpan.collector(.silence)
        let scene = try Scene(collector.url, timeout: .milliseconds(50))
        try await scene.running {
            scene.add("1")
            try await scene.pass(.seconds(1))
            try await eventually("its time has passed") { !scene.log.lines.isEmpty }
            #expect(scene.log.lines[0].contains("timed out"))
        }
        try await collector.stop()
    }

    @Test func dropsWhatIsMoreThanMayWait() throws {
        let scene = try Scene("http://127.0.0.1:9/v1/traces", queue: 3)
        scene.add("1", "2")
        scene.add("3", "4")
        #expect(scene.queue.count == 2 && scene.counts == [0, 0, 0, 2])
        scene.add("5")
        #expect(scene.queue.count == 3)
        scene.add("6")
        #expect(scene.queue.count == 3 && scene.counts == [0, 0, 0, 3])
    }

    @Test func sendsWhatWaitsBeforeItEnds() async throws {
        let collector = try await CollectedSpan.collector()
        let scene = try Scene(collector.url, batch: 2)
        let group = ServiceGroup(services: [scene.exporter], logger: scene.log.logger)
        let running = Task { try await group.run() }
        try await eventually("it runs") { scene.clock.sleeperCount == 1 }
        scene.add("1", "2", "3")
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(scene.counts == [3, 0, 0, 0])
        #expect(try names(collector) == ["GET 1", "GET 2", "GET 3"])
        try await collector.stop()
    }

    @Test func waitsForNoCollectorBeforeItEnds() async throws {
        let collector = try await CollectedSpan.collector(.status(503))
        let scene = try Scene(collector.url, batch: 1)
        let group = ServiceGroup(services: [scene.exporter], logger: scene.log.logger)
        let running = Task { try await group.run() }
        try await eventually("it runs") { scene.clock.sleeperCount == 1 }
        scene.add("1", "2", "3")
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(collector.requestCount == 1, "it is asked once more, and not again")
        try await collector.stop()
    }
}
