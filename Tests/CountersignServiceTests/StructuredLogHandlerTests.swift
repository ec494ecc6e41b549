import CountersignService
import Foundation
import Logging
import Synchronization
import Testing
import TokenExchange

@Suite struct StructuredLogHandlerTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[[UInt8]]>([])
        func append(_ line: [UInt8]) { lines.withLock { $0.append(line) } }
        var text: String { lines.withLock { String(decoding: $0.joined(), as: UTF8.self) } }
    }

    private func logged(
        _ format: StructuredLogHandler.Format, level: Logger.Level = .info, _ log: (Logger) -> Void
    ) -> String {
        let lines = Lines()
        log(
            Logger(label: "test") { label in
                StructuredLogHandler(
                    label: label, level: level, format: format, now: { UnixTime(seconds: 1_764_003_600.25) },
                    write: { line, _ in lines.append(line) })
            })
        return lines.text
    }

    @Test func writesOneJSONObjectPerEvent() throws {
        let line = logged(.json) {
            $0.error("it broke", metadata: ["number": .stringConvertible(1.5), "list": ["a", "b"], "a": "x"])
        }
        #expect(
            line == #"{"time":"2025-11-24T17:00:00.250Z","level":"error","component":"test","message":"it broke","#
                + #""a":"x","list":["a","b"],"number":1.5}"# + "\n")
    }

    @Test(arguments: [StructuredLogHandler.Format.json, .text])
    func keepsHostileValuesOnTheirLine(format: StructuredLogHandler.Format) {
        let line = logged(format) {
            $0.info("request", metadata: ["value": "a\nfake level=error\r\n\u{1B}[2J\u{0}\"}"])
        }
        #expect(line.filter(\.isNewline).count == 1 && line.hasSuffix("\n"))
        #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
    }

    @Test func writesTextForPeople() {
        let line = logged(.text) { $0.notice("listening", metadata: ["port": .stringConvertible(8080)]) }
        #expect(line == "2025-11-24T17:00:00.250Z notice test: listening port=8080\n")
    }

    @Test func leavesOutWhatIsBelowItsLevel() {
        #expect(logged(.json, level: .warning) { $0.info("x") } == "")
    }
}
