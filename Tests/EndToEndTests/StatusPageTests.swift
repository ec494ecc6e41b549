import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// What operators see in a browser, of the real program.
@Suite struct StatusPageTests {
    private typealias Settings = CountersignProcess.Settings

    /// A service with a store that has gone, a rotation that nobody has taken on, and callers that get things wrong.
    private static func troubled(_ tokens: inout [String]) async throws -> CountersignProcess {
        let redis = try await RedisServer.start()
        var settings = Settings()
        settings.sessions = Settings.redis(redis)
        settings.providers = Settings.provider("vip-loyalty") + Settings.provider("easy", mode: "optional")
        let longAgo = UnixTime(seconds: Date().timeIntervalSince1970 - 200 * 86400)
        let service = try await CountersignProcess.start(in: try CountersignProcess.prepare(settings, at: longAgo))
        tokens += try logins(at: service)
        let forged = try ModelToken.current.claim("sub", .string("MARKERSUBJECT")).signed(by: TestKeys.stranger)
        for _ in 0..<12 { #expect(try service.exchange(forged, device: "MARKERDEVICE").status == 401) }
        for _ in 0..<3 { #expect(try service.callback("{}", headers: ["Content-Type": "text/plain"]).status == 415) }
        redis.kill()
        #expect(try service.exchange(try ModelToken.fresh()).status == 503)
        let degraded = try service.exchange(try ModelToken.fresh(), provider: "easy")
        #expect(degraded.status == 200)
        tokens.append(degraded.externalIdentity ?? "")
        return service
    }

    /// - Returns: every token there and back.
    private static func logins(at service: CountersignProcess) throws -> [String] {
        try (0..<3).flatMap { number -> [String] in
            let token = try ModelToken.current.claim("sub", .string("MARKERSUBJECT\(number)")).signed(
                by: TestKeys.rs256)
            let answers = try [0, 1].map { _ in try service.exchange(token, device: "MARKERDEVICE") }
            return [String(decoding: token, as: UTF8.self)] + answers.map { $0.externalIdentity ?? "" }
        }
    }

    @Test func servesPagesThatPeopleCanUse() async throws {
        let well = try await CountersignProcess.start()
        var tokens = try Self.logins(at: well)
        let troubled = try await Self.troubled(&tokens)
        let pieces = tokens.filter { !$0.isEmpty }.flatMap { $0.split(separator: ".").map { String($0.suffix(24)) } }
        try #require(pieces.count >= 30)
        func operations(_ service: CountersignProcess, _ path: String) -> String {
            "http://127.0.0.1:\(service.operationsPort)\(path)"
        }
        let scene: [String: Any] = [
            "well": operations(well, "/status"), "troubled": operations(troubled, "/status"),
            "public": "http://127.0.0.1:\(well.publicPort)/", "operations": operations(well, "/"),
            "secrets": pieces + ["MARKERSUBJECT", "MARKERDEVICE"],
            "pictures": "\(CountersignProcess.repository)/.build/webview",
        ]
        try await BrowserCases.drive("status_cases", atLeast: 9, try JSONSerialization.data(withJSONObject: scene))
    }

    @Test func countsWhatCameOfLogins() async throws {
        var tokens: [String] = []
        let service = try await Self.troubled(&tokens)
        let page = try HTTPConnection(port: service.operationsPort).request("GET", "/status")
        #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.headers["cache-control"] == "no-store" && page.headers["x-content-type-options"] == "nosniff")
        #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'; style-src 'sha256-") == true)
        #expect(!page.text.contains("<script") && !page.text.contains(" style=") && !page.text.contains("http-equiv"))
        #expect(
            page.text.contains(
                "Logins of vip-loyalty by the minute: 3 issued, 3 replayed, 0 degraded, 15 refused, 1 failed"))
        #expect(
            page.text.contains("Logins of easy by the minute: 0 issued, 0 replayed, 1 degraded, 0 refused, 0 failed"))
        #expect(page.text.contains("answered as token_rejected"))
        #expect(page.text.contains("has been due for 110 d"))
    }

    @Test func givesProgramsAtTheFrontDoorsAProblemDocument() async throws {
        let service = try await CountersignProcess.start()
        let outside = try service.connect().request("GET", "/")
        #expect(
            outside.status == 405 && outside.errorCode == "method_not_allowed" && outside.headers["allow"] == "POST")
        let inside = try HTTPConnection(port: service.operationsPort).request("GET", "/", headers: ["Accept": "*/*"])
        #expect(inside.status == 404 && inside.errorCode == "not_found")
        let head = try service.connect().request("HEAD", "/", headers: ["Accept": "text/html"])
        #expect(head.status == 200 && head.body.isEmpty)
        _ = try service.connect().request("GET", "/", headers: ["Accept": "text/html"])
        #expect(service.log.contains(#""route":"front_page""#))
    }
}
