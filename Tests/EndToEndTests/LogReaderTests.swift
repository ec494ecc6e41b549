import Foundation
import TestSupport
import Testing
import TokenExchange

/// Whoever reads the log may stall, go away, or have no room: it costs lines, never a request.
@Suite struct LogReaderTests {
    private let folder = TemporaryFolder()

    private func settings() throws -> CountersignProcess.Settings {
        var settings = CountersignProcess.Settings()
        settings.log = "{ level: info, format: json, buffer_bytes: 65536 }"
        settings.ports = (try freeLoopbackPort(), try freeLoopbackPort())
        return settings
    }

    private func droppedLines(_ service: CountersignProcess) throws -> Int {
        Int(try service.metric("countersign_log_lines_dropped_total"))
    }

    /// More lines than pipe and buffers take.
    private func makeLines(_ service: CountersignProcess, count: Int = 2000) throws {
        let connection = try service.connect()
        for _ in 0..<count { #expect(try connection.request("GET", "/.well-known/jwks.json").status == 200) }
    }

    @Test func servesThoughNobodyReadsItsLog() async throws {
        let path = "\(folder.path)/log"
        try #require(mkfifo(path, 0o600) == 0)
        // Held open, and read by nobody.
        let pipe = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        defer { close(pipe) }
        let service = try await CountersignProcess.start(try settings(), log: path)
        try makeLines(service)
        let dropped = try droppedLines(service)
        #expect(dropped > 0)
        #expect(try service.longestLoopGap() < LoopGaps.bound)
        var text: [UInt8] = []
        try await eventually("the loss is told of") {
            var piece = [UInt8](repeating: 0, count: 65_536)
            let count = read(pipe, &piece, piece.count)
            if count > 0 { text += piece[..<count] }
            return String(decoding: text, as: UTF8.self).contains("log lines were dropped")
        }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let events = lines.compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        #expect(events.count == lines.count, "each line is whole")
        let report = events.first { ($0["message"] as? String)?.hasPrefix("log lines were dropped") == true }
        #expect(report?["count"] as? Int == dropped)
        #expect(report?["level"] as? String == "warning")
        try makeLines(service)
        #expect(try await service.terminate() == 0, "nor does the end wait for a reader")
    }

    @Test func servesThoughTheReaderOfItsLogIsGone() async throws {
        let path = "\(folder.path)/log"
        try #require(mkfifo(path, 0o600) == 0)
        let pipe = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        let service = try await CountersignProcess.start(try settings(), log: path)
        close(pipe)
        try makeLines(service, count: 50)
        try await eventually("the lines are counted") { try droppedLines(service) >= 50 }
        #expect(try await service.terminate() == 0)
    }

    @Test func servesThoughThereIsNoRoomForItsLog() async throws {
        let service = try await CountersignProcess.start(try settings(), log: "/dev/full")
        try makeLines(service, count: 50)
        try await eventually("the lines are counted") { try droppedLines(service) >= 50 }
        #expect(try await service.terminate() == 0)
    }

    @Test func countsAFloodOfRefusedRequestsInsteadOfWritingALineForEach() async throws {
        let service = try await CountersignProcess.start()
        let connection = try service.connect()
        for number in 0..<1500 {
            let answer = try connection.request("GET", "/\(number)", headers: ["X-Request-Id": "flood-\(number)"])
            #expect(answer.status == 404)
        }
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        try await eventually("all are accounted for") {
            let counts = service.log.matches(
                of: /left out","count":(\d+),"source":"127.0.0.1","statuses":{"404":(\d+)}/)
            return counts.compactMap { Int($0.1) }.reduce(0, +) + refusalLines(service) == 1500
        }
        #expect(service.log.contains(#""request_id":"flood-0""#), "the first ones are written")
        let seconds = service.log.split(separator: "\n").count { $0.contains("left out") }
        #expect(refusalLines(service) <= 10 * (seconds + 1))
        #expect(service.log.contains(#""route":"callback","status":200"#), "a login has its line")
    }

    private func refusalLines(_ service: CountersignProcess) -> Int {
        service.log.split(separator: "\n").count { $0.contains(#""status":404"#) }
    }
}
