import Foundation
import TestSupport
import Testing
import TokenExchange

/// Marked tokens go through everything; then all output, the audit file, traces, pages and all of Redis are searched for
/// them.
@Suite struct SecrecyTests {
    private static let markers = ["MARKERSUBJECT", "MARKERMAIL", "MARKERDEVICE", "MARKERCORRELATIONKEY"]

    @Test func leavesNoTokenAndNoClaimWhereItIsSeen() async throws {
        let redis = try await RedisServer.start()
        typealias Settings = CountersignProcess.Settings
        var settings = Settings()
        settings.sessions = Settings.redis(redis)
        settings.audit = "{ file: audit.jsonl }"
        let collector = try await CollectedSpan.collector()
        settings.traces =
            #"{ endpoint: "\#(collector.url)", sample_ratio: 1, requests_per_second: 10000, interval: 20ms }"#
        settings.log = "{ level: trace, format: json, correlation_key: { file: log.key } }"
        settings.providers =
            Settings.provider("vip-loyalty") + Settings.provider("easy", mode: "optional")
            + Settings.provider("opaque", token: "kind: opaque, claims: { email: { from: email } }")
        let folder = try CountersignProcess.prepare(settings)
        chmod(try folder.write("log.key", "MARKERCORRELATIONKEY"), 0o600)
        let service = try await CountersignProcess.start(in: folder)
        let marked = ModelToken.current.claim("sub", .string("MARKERSUBJECT")).claim(
            "email", .string("MARKERMAIL@x.example"))
        let good = try marked.signed(by: TestKeys.rs256)
        let bad = try marked.signed(by: TestKeys.stranger)
        let expired = try marked.claim("exp", .number(literal: "1000")).signed(by: TestKeys.rs256)
        let odd = try marked.header("kid", .string("MARKERSUBJECT\n")).signed(by: TestKeys.rs256)
        var tokens = [good, bad, expired, odd].map { String(decoding: $0, as: UTF8.self) }
        for provider in ["vip-loyalty", "easy", "opaque", "MARKERSUBJECT"] {
            for token in [good, bad, expired, odd] {
                let answer = try service.exchange(token, device: "MARKERDEVICE", provider: provider)
                if let identity = answer.externalIdentity {
                    tokens.append(identity)
                    #expect(try service.session(identity).status == 200)
                } else {
                    #expect(Self.markers.allSatisfy { !answer.text.contains($0) })
                }
            }
        }
        try #require(tokens.count == 7, "three providers answered the good token")
        let dump = try Self.content(of: redis)
        try #require(!dump.isEmpty)
        redis.kill()
        _ = try service.exchange(good, device: "MARKERDEVICE", provider: "easy")
        _ = try service.exchange(good, device: "MARKERDEVICE")
        let pages = try ["/status", "/metrics", "/readyz"].map { path in
            try HTTPConnection(port: service.operationsPort).request("GET", path).text
        }
        try #require(
            pages[0].contains("Logins of easy by the minute") && pages[1].contains("countersign_logins_total{"))
        #expect(try await service.terminate() == 0)
        let traces = collector.requests.map(\.body).joined()
        try #require(traces.contains("signature_invalid"))
        try await collector.stop()
        let audit = try String(contentsOfFile: "\(service.folder.path)/audit.jsonl", encoding: .utf8)
        #expect(audit.contains(#""event":"login""#) && audit.contains(#""reason":"signature_invalid""#))
        // A quarter of a token is a usable piece of none, and longer than anything that may stand there by accident.
        let pieces =
            Self.markers + tokens.flatMap { token in token.split(separator: ".").map { String($0.suffix(24)) } }
        for piece in pieces {
            #expect(!service.log.contains(piece))
            #expect(!dump.contains(piece))
            #expect(pages.allSatisfy { !$0.contains(piece) })
            #expect(!traces.contains(piece))
            #expect(!audit.contains(piece))
        }
        #expect(service.log.contains("subject_hash") && service.log.contains("device_hash"))
        #expect(service.log.contains("signature_invalid") && service.log.contains("expired"))
    }

    private static func content(of redis: RedisServer) throws -> String {
        guard case .array(let keys) = try redis.command("KEYS", "*") else { return "" }
        return try keys.map { key in
            guard case .bulk(let bytes) = key else { return "" }
            let name = String(decoding: bytes, as: UTF8.self)
            guard case .bulk(let value) = try redis.command("GET", name) else { return name }
            return name + String(decoding: value, as: Unicode.ASCII.self)
        }.joined(separator: "\n")
    }
}
