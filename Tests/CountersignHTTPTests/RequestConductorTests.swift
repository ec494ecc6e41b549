import CountersignHTTP
import Foundation
import HTTPTypes
import MetricsTestKit
import TestSupport
import Testing
import TokenExchange

/// What every answer has, and what log and metrics say of a request.
@Suite struct RequestConductorTests {
    /// Answers `/good`, throws a problem of the path's name elsewhere.
    private struct ScriptedRoutes: Routes {
        func name(of path: ExactText) -> LabelValue {
            switch path {
            case "/good": "good"
            case "/failure": "failure"
            default: "other"
            }
        }

        func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
            switch request.path {
            case "/good": return .json(Array("{}".utf8))
            case "/failure": throw Problem(Failure(.sessionStoreUnavailable, operation: "session", cause: "timed out"))
            case "/foreign": throw Problem(CancellationError())
            default: throw Problem(.keyUnknown)
            }
        }
    }

    private let log = RecordedLog()
    private let metrics = TestMetrics()

    private func scene(quiet: [String] = []) throws -> ConnectionScene {
        try ConnectionScene(answering: ScriptedRoutes(), log: log, metrics: metrics, quietRoutes: quiet)
    }

    private func header(_ name: String, of answer: String) -> String? {
        answer.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    @Test func givesEveryAnswerAnIDAndADate() throws {
        let scene = try scene()
        for path in ["/good", "/failure", "/other"] {
            let answer = try scene.send(ConnectionScene.get(path))
            #expect(header("X-Request-Id", of: answer)?.count == 32)
            #expect(header("Date", of: answer) == "Mon, 24 Nov 2025 17:00:00 GMT")
        }
    }

    @Test(arguments: ["a", "A-Z_0.9", String(repeating: "x", count: 128)])
    func keepsAnIDThatTheClientSends(id: String) throws {
        let answer = try scene().send(ConnectionScene.get("/other", "X-Request-Id: \(id)\r\n"))
        #expect(header("X-Request-Id", of: answer) == id && answer.contains(#""request_id":"\#(id)""#))
        #expect(log.lines[0].contains("request_id=\(id)"))
    }

    @Test(arguments: ["a b", "a\"", "ä", "", String(repeating: "x", count: 129)])
    func replacesAnIDThatIsUnfitForALog(id: String) throws {
        let answer = try scene().send(ConnectionScene.get("/good", "X-Request-Id: \(id)\r\n"))
        #expect(header("X-Request-Id", of: answer) != id && header("X-Request-Id", of: answer)?.count == 32)
    }

    @Test func logsEachRequestOnceWithWhatHelps() throws {
        let scene = try scene()
        for path in ["/good", "/other", "/failure"] { _ = try scene.send(ConnectionScene.get(path)) }
        #expect(log.lines.count == 3)
        #expect(log.lines[0].hasPrefix("info: request duration_ms=0.0 request_id="))
        #expect(log.lines[0].hasSuffix("route=good status=200"))
        #expect(log.lines[1].contains("error_code=token_rejected reason=key_unknown"))
        #expect(log.lines[2].hasPrefix("error: request cause=timed out "))
        #expect(log.lines[2].contains("error_code=session_store_unavailable operation=session"))
    }

    /// Probes and scrapes must not fill the log, but their failures must show.
    @Test func logsQuietRoutesOnlyForDebuggingUnlessWeFail() throws {
        let scene = try scene(quiet: ["good", "failure"])
        for path in ["/good", "/failure"] { _ = try scene.send(ConnectionScene.get(path)) }
        #expect(log.lines[0].hasPrefix("debug: ") && log.lines[1].hasPrefix("error: "))
    }

    /// No route throws such an error; if one did, the caller would learn nothing of it.
    @Test func answersAForeignErrorAsAFailureOfOurs() throws {
        let answer = try scene().send(ConnectionScene.get("/foreign"))
        #expect(answer.hasPrefix("HTTP/1.1 500 ") && !answer.contains("Cancellation"))
        #expect(log.lines[0].contains("cause=CancellationError"))
    }

    @Test func countsRequestsByRouteStatusAndCode() throws {
        let scene = try scene()
        for path in ["/good", "/good", "/other"] { _ = try scene.send(ConnectionScene.get(path)) }
        let count = { (route: String, status: String, code: String) in
            scene.count("countersign_requests_total", [("route", route), ("status", status), ("error_code", code)])
        }
        #expect(count("good", "200", "") == 2 && count("other", "401", "token_rejected") == 1)
        #expect(
            scene.count("countersign_refusals_total", [("identity_provider", ""), ("reason", "key_unknown")]) == 1)
    }
}
