import Foundation
import TestSupport
import Testing

/// More requests in progress than may be.
@Suite(.serialized) struct OverloadTests {
    private typealias Settings = CountersignProcess.Settings

    @Test func keepsOneSlowServiceFromTakingThePlacesOfOtherProviders() async throws {
        let fake = try await FakeUpstream.start()
        let service = try await UpstreamScene.start(
            UpstreamScene.patient("points", fake, more: ", requests_in_progress: 2")
                + UpstreamScene.patient("notes", fake, mode: "optional", more: ", requests_in_progress: 1")
                + Settings.provider("vip-loyalty"), limits: "{ requests_per_second: 0, requests_in_progress: 4 }")[0]
        fake.hold()
        let waiting = try (1...3).map { number in
            let connection = try service.connect()
            try connection.login(ModelToken.fresh(), "till-\(number)", number == 3 ? "notes" : "points")
            return connection
        }
        try await eventually("three logins in progress") {
            let text = try Self.metrics(of: service)
            return text.contains(#"countersign_requests_in_progress{identity_provider="points"} 2"#)
                && text.contains(#"countersign_requests_in_progress{identity_provider="notes"} 1"#)
        }
        let strict = try service.exchange(ModelToken.fresh(), device: "till-4", provider: "points")
        #expect(strict.status == 503 && strict.errorCode == "overloaded")
        #expect((1...3).contains(strict.headers["retry-after"].flatMap { Int($0) } ?? 0))
        let easy = try service.exchange(ModelToken.fresh(), device: "till-5", provider: "notes")
        #expect(easy.status == 200 && easy.text == #"{"external_identity":null}"#)
        #expect(easy.headers["countersign-degraded"] == "overloaded")
        #expect(try service.exchange(ModelToken.fresh(), provider: "vip-loyalty").status == 200, "the fourth place")
        #expect(try service.readiness().status == 200)
        let text = try Self.metrics(of: service)
        for (provider, count) in [("points", 1), ("notes", 1)] {
            let labels = #"cause="provider_in_progress",identity_provider="\#(provider)",route="callback""#
            #expect(text.contains("countersign_requests_shed_total{\(labels)} \(count)"), "\(text)")
        }
        fake.release()
        for connection in waiting { #expect(try connection.answer().externalIdentity != nil) }
        #expect(try service.exchange(ModelToken.fresh(), device: "till-6", provider: "points").status == 200)
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    private static func metrics(of service: CountersignProcess) throws -> String {
        try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
    }
}
