import CountersignHTTP
import CountersignService
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// The line of a request: the same in bytes as a logger would write it, and whatever is in it stays on it.
@Suite struct RequestLineTests {
    private static let time = UnixTime(seconds: 1_764_003_600.25)

    private func line(
        _ format: StructuredLogHandler.Format, _ reply: Reply, _ problem: Problem? = nil, id: String = "r-1",
        milliseconds: Double = 0.214, hashes: (subject: UInt64?, device: UInt64?) = (nil, nil),
        level: Logger.Level = .info
    ) -> [UInt8] {
        let report = RequestReport(
            reply, problem, requestID: id, source: nil, route: "callback", start: .zero,
            end: .microseconds(Int(milliseconds * 1000)))
        var line: [UInt8] = []
        RequestLineForm(format, label: "countersign").append(report, hashes, at: level, Self.time, to: &line)
        return line
    }

    private var login: Reply {
        let reply = Reply.json([])
        reply.notes.identityProvider = ConfiguredName(IdentityProvider.vipLoyalty())
        reply.notes.tenant = "acme-staging"
        return reply
    }

    private func text(_ line: [UInt8]) -> String { String(decoding: line, as: UTF8.self) }

    @Test func hasItsFieldsInTheOrderOfTheirNames() {
        let hashes: (UInt64?, UInt64?) = (0x0123_4567_89AB_CDEF, 0xF)
        #expect(
            text(line(.json, login, hashes: hashes))
                == #"{"time":"2025-11-24T17:00:00.250Z","level":"info","component":"countersign","message":"request","#
                + #""device_hash":"000000000000000f","duration_ms":0.214,"identity_provider":"vip-loyalty","#
                + #""request_id":"r-1","route":"callback","status":200,"subject_hash":"0123456789abcdef","#
                + #""tenant":"acme-staging"}"# + "\n")
        #expect(
            text(line(.text, login))
                == "2025-11-24T17:00:00.250Z info countersign: request duration_ms=0.214 "
                + #"identity_provider="vip-loyalty" request_id="r-1" route="callback" status=200 tenant="acme-staging""#
                + "\n")
    }

    @Test func saysWhatFailedOnOurSide() {
        let problem = Problem(Failure(.sessionStoreUnavailable, operation: "session", cause: "timed out"))
        let line = text(line(.json, problem.reply(requestID: "r-1"), problem, level: .error))
        #expect(
            line.contains(#""level":"error""#)
                && line.contains(#""message":"request","cause":"timed out","duration_ms""#))
        #expect(line.contains(#""error_code":"session_store_unavailable","operation":"session","request_id":"r-1""#))
    }

    @Test(arguments: [
        (0, "0.0"), (0.001, "0.001"), (0.01, "0.01"), (0.1, "0.1"), (1, "1.0"), (12.34, "12.34"), (1000.5, "1000.5"),
        (60_000, "60000.0"), (0.999, "0.999"),
    ])
    func writesNumbersAsALoggerDoes(milliseconds: Double, expected: String) {
        #expect(text(line(.json, login, milliseconds: milliseconds)).contains(#""duration_ms":\#(expected),"#))
        #expect("\(milliseconds)" == expected)
    }

    // MARK: Hostile text

    /// All that ends a line, a string or a terminal's patience, and bytes that are no text.
    private static let hostile: [[UInt8]] = {
        let controls = (0..<0x20).map { [UInt8($0)] }
        let texts = [
            "\"", "\\", "\\\"", "\u{7F}", "\u{85}", "\u{9B}2J", "\u{2028}", "\u{2029}", "\u{202E}", "\u{FEFF}",
            "\u{E0041}",
            "\" forged=\"1", "\n{\"time\":\"2025-11-24T17:00:00.250Z\",\"level\":\"error\"}\n",
        ]
        let noText: [[UInt8]] = [[0xFF], [0xC3], [0xE2, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]]
        return controls + texts.map { Array($0.utf8) } + noText
    }()

    /// The text in every field that is not one of our constants.
    private func replyAndProblem(_ bytes: [UInt8]) -> (Reply, Problem) {
        let (text, string) = (ExactText(bytes: bytes), String(decoding: bytes, as: UTF8.self))
        let problem = Problem(Failure(.upstreamRefused, operation: string, cause: string))
        let reply = problem.reply(requestID: string)
        reply.notes.identityProvider = ConfiguredName(IdentityProvider.vipLoyalty(name: text))
        reply.notes.tenant = text
        reply.notes.verifier = text
        return (reply, problem)
    }

    @Test(arguments: hostile) func keepsEveryFieldInItsPlace(bytes: [UInt8]) throws {
        let (reply, problem) = replyAndProblem(bytes)
        let string = String(decoding: bytes, as: UTF8.self)
        let json = line(.json, reply, problem, id: string)
        let written = line(.text, reply, problem, id: string)
        for line in [json, written] {
            let text = try #require(String(validating: line, as: UTF8.self), "it is UTF-8")
            #expect(line.count { $0 == UInt8(ascii: "\n") } == 1 && line.last == UInt8(ascii: "\n"))
            let harmful: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator]
            #expect(text.unicodeScalars.dropLast().allSatisfy { !harmful.contains($0.properties.generalCategory) })
        }
        let event = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        let names: Set = [
            "time", "level", "component", "message", "cause", "duration_ms", "error_code", "identity_provider",
            "operation", "request_id", "route", "status", "tenant", "verifier",
        ]
        #expect(Set(event.keys) == names, "no field was made of a value")
        for name in ["cause", "operation", "identity_provider", "tenant", "verifier", "request_id"] {
            #expect((event[name] as? String).map { Array($0.utf8) } == Array(string.utf8), "\(name)")
        }
    }

    /// All other lines, by the same rules; also the message.
    @Test(arguments: hostile) func keepsOtherLinesInTheirPlace(bytes: [UInt8]) {
        let string = String(decoding: bytes, as: UTF8.self)
        for format in [StructuredLogHandler.Format.json, .text] {
            let kept = Mutex<[UInt8]>([])
            let logger = Logger(label: "test") { label in
                StructuredLogHandler(label: label, level: .info, format: format, now: { Self.time }) { line, _ in
                    kept.withLock { $0 += line }
                }
            }
            logger.info(
                "\(string)", metadata: ["a": .string(string), "b": [.string(string)], "c": ["d": .string(string)]])
            let line = kept.withLock { $0 }
            #expect(line.count { $0 == UInt8(ascii: "\n") } == 1 && line.last == UInt8(ascii: "\n"))
            #expect(line.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        }
    }
}
