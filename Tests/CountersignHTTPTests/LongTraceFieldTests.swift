import CountersignHTTP
import HTTPTypes
import NIOCore
import Testing
import TokenExchange

/// A trace header that is longer than a line of a head may be is dropped while it arrives. No other line is.
@Suite struct LongTraceFieldTests {
    private static let limits = HeadLimits(bytes: 4096, lineBytes: 1024, fieldCount: 8)
    /// Of the lines with a long field, name and all.
    private static let mostDropped = 4 * 1024 * 1024

    /// What becomes of a head with these fields, and the most that was kept meanwhile.
    private static func read(
        _ fields: String, pieces: Int
    ) -> (outcome: String, kept: Int) {
        var reader = HeadReader(limits)
        var input = ByteBuffer()
        var kept = 0
        let bytes = Array("GET /path HTTP/1.1\r\nHost: x\r\n\(fields)\r\nbody".utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            input.writeBytes(bytes[start..<min(start + pieces, bytes.count)])
            switch reader.read(&input) {
            case .more: kept = max(kept, input.readableBytes)
            case .refused(let fault): return (fault.rawValue, kept)
            case .head(let head, _):
                input.writeBytes(bytes[min(start + pieces, bytes.count)...])
                let rest = String(buffer: input)
                let accept = head.headerFields[.accept] ?? "-"
                return ("\(head.path) \(accept) \(rest)", kept)
            }
        }
        return ("more", kept)
    }

    private static func field(_ name: String, bytes: Int) -> String {
        "\(name):" + String(repeating: "a", count: bytes - name.utf8.count - 1) + "\r\n"
    }

    @Test(arguments: ["traceparent", "Traceparent", "TRACESTATE"], [1, 7, 1000, 65536, 4_000_000])
    func dropsAMegabyteWithoutKeepingIt(name: String, pieces: Int) {
        let bytes = pieces < 1000 ? 5000 : 1_048_576
        let read = Self.read(Self.field(name, bytes: bytes) + "Accept: y\r\n", pieces: pieces)
        #expect(read.outcome == "/path y body")
        #expect(read.kept <= Self.limits.bytes + pieces)
    }

    @Test func readsWhatIsNoLongerThanALine() {
        let read = Self.read(Self.field("traceparent", bytes: 1024) + "Accept: y\r\n", pieces: 100)
        #expect(read.outcome == "/path y body")
        #expect(
            Self.read(Self.field("traceparent", bytes: 1025) + "Accept: y\r\n", pieces: 100).outcome == "/path y body")
    }

    @Test func dropsSeveralInOneHead() {
        let fields = Self.field("traceparent", bytes: 3000) + "Accept: y\r\n" + Self.field("tracestate", bytes: 3000)
        for pieces in [1, 17, 10_000] { #expect(Self.read(fields, pieces: pieces).outcome == "/path y body") }
    }

    @Test func dropsOneThatWouldMakeTheHeadTooLarge() {
        let fields = (0..<3).map { Self.field("x-\($0)", bytes: 1020) }.joined()
        let read = Self.read(fields + Self.field("tracestate", bytes: 1024) + "Accept: y\r\n", pieces: 100)
        #expect(read.outcome == "/path y body")
        let other = Self.read(fields + Self.field("x-state", bytes: 1024) + "Accept: y\r\n", pieces: 100)
        #expect(other.outcome == "head_too_large")
    }

    @Test(arguments: ["tracepara", "x-traceparent", "baggage", "traceparents"])
    func dropsNoOtherHeader(name: String) {
        #expect(Self.read(Self.field(name, bytes: 1025), pieces: 100).outcome == "head_too_large")
    }

    @Test func dropsNoMoreThanALimit() {
        let (most, more) = (Self.mostDropped, Self.mostDropped + 1)
        // The line's end counts by its carriage return.
        #expect(Self.read(Self.field("traceparent", bytes: most - 1), pieces: 65536).outcome == "/path - body")
        #expect(Self.read(Self.field("traceparent", bytes: more - 1), pieces: 65536).outcome == "head_too_large")
    }

    @Test(arguments: ["a\nb", "a\rb", "a\u{0}b", "a\r\rb"], [1, 4096])
    func refusesWhatNoHeaderMayHold(value: String, pieces: Int) {
        let field = "traceparent:" + String(repeating: "a", count: 2000) + value + "\r\n"
        #expect(Self.read(field, pieces: pieces).outcome == "field_malformed")
    }
}
