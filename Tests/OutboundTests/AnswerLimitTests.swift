import Outbound
import TestSupport
import Testing

/// How much of an answer is taken, whatever a server sends.
@Suite struct AnswerLimitTests {
    private static let ok = "HTTP/1.1 200 OK\r\n"
    private static let tooLarge = OutboundFault(.refused, "the head of its answer has more than 4096 bytes")

    struct Endless: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let begin: String
        let pour: String

        init(_ name: String, _ begin: String, pour: String) {
            (testDescription, self.begin, self.pour) = (name, begin, pour)
        }
    }

    private static let endless = [
        Endless("blanks before a header's value", ok + "X:", pour: " "),
        Endless("blanks after a header's value", ok + "X: a", pour: " "),
        Endless("a header's value", ok + "X: ", pour: "a"),
        Endless("a header's name", ok, pour: "a"),
        Endless("headers", ok, pour: "X: a\r\n"),
        Endless("a status line", "HTTP/1.1 200 ", pour: "a"),
        Endless("informational answers", "", pour: "HTTP/1.1 100 Continue\r\n\r\n"),
        Endless("lines before an answer", "", pour: "\r\n"),
        Endless("a chunk's extension", ok + "Transfer-Encoding: chunked\r\n\r\n1;", pour: "a"),
        Endless("zeros before a chunk's size", ok + "Transfer-Encoding: chunked\r\n\r\n", pour: "0"),
        Endless("trailers", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", pour: "X: a\r\n"),
        Endless("blanks in a trailer", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX:", pour: " "),
    ]

    /// Its buffers hold some of what nobody reads.
    private static let buffers = 16 << 20

    @Test(arguments: endless, [false, true])
    func refusesAnAnswerThatGoesOnWithout(_ endless: Endless, isTLS: Bool) async throws {
        let certificate = isTLS ? try TestCertificate() : nil
        let pour = [UInt8](String(repeating: endless.pour, count: 16_384 / endless.pour.utf8.count).utf8)
        let server = try await ByteServer.start(certificate: certificate) { _, _ in [.send(endless.begin), .pour(pour)]
        }
        let client = try Client(headBytes: 4096, trusting: certificate)
        let fault = await client.fault(server.url)
        // Some of it is no HTTP before it is too much.
        let isNoHTTP = fault == OutboundFault(.broken, "no valid HTTP") && endless.testDescription.contains("zeros")
        #expect(fault == Self.tooLarge || isNoHTTP, "\(fault?.cause ?? "an answer")")
        #expect(server.bytesSent < Self.buffers)
        try await server.stop()
    }

    @Test(arguments: [(-1, true), (0, true), (1, false)], ["at once", "byte by byte"])
    func takesAHeadUpToItsLimit(_ bound: (beyond: Int, isTaken: Bool), way: String) async throws {
        let rest = "\r\nContent-Length: 2\r\n\r\n"
        let padding = 1024 + bound.beyond - (Self.ok + "X: " + rest).utf8.count
        let head = Self.ok + "X: " + String(repeating: "a", count: padding) + rest
        let server = try await ByteServer.start { _, _ in
            way == "at once" ? [.send(head + "{}")] : (head + "{}").map { .send(String($0)) }
        }
        let client = try Client(headBytes: 1024)
        for _ in 0..<2 {
            let fault = await client.fault(server.url)
            #expect(bound.isTaken ? fault == nil : fault?.cause == "the head of its answer has more than 1024 bytes")
        }
        if bound.isTaken { #expect(server.connectionCount == 1, "each answer has a limit of its own") }
        try await server.stop()
    }

    @Test func takesSomeInformationalAnswersAndTrailersAndChunksOfOneByte() async throws {
        let text = String(repeating: "x", count: 10_000)
        let chunks = text.map { "1;name=v\r\n\($0)\r\n" }.joined()
        let answer =
            String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", count: 5) + Self.ok
            + "Transfer-Encoding: chunked\r\n\r\n\(chunks.replacing(";name=v", with: ""))0\r\nX-Sum: 1\r\n\r\n"
        let server = try await ByteServer.start { _, _ in [.send(answer)] }
        let client = try Client(headBytes: 4096)
        for _ in 0..<2 { #expect(try await client.text(server.url) == text) }
        #expect(server.connectionCount == 1)
        try await server.stop()
    }

    @Test(arguments: [(-1, true), (0, true), (1, false)])
    func takesABodyUpToItsLimit(beyond: Int, isTaken: Bool) async throws {
        let body = String(repeating: "x", count: 1000 + beyond)
        let server = try await FakeUpstream.start(.body(body))
        let fault = await (try Client(bodyBytes: 1000)).fault(server.url)
        #expect(fault == (isTaken ? nil : OutboundFault(.refused, "larger than 1000 bytes")))
        try await server.stop()
    }

    // MARK: HTTP/2

    private static let fields = (0..<100).map { HTTP2Bytes.field($0, valueCount: 1000) }

    private static let http2: [(String, [ByteServer.Step])] = [
        (
            "frames CONTINUATION without end",
            [
                .frame(.head(stream: 1, endsHead: false)),
                .pour(HTTP2Bytes.continuation(stream: 1, HTTP2Bytes.field(0, valueCount: 10)).bytes),
            ]
        ),
        (
            "empty frames CONTINUATION",
            [
                .frame(.head(stream: 1, endsHead: false)), .pour(HTTP2Bytes.continuation(stream: 1, []).bytes),
            ]
        ),
        ("a large list of headers", [.frame(.head(stream: 1, Array(fields.prefix(12).joined()), endsStream: true))]),
        ("informational answers", [.pour(HTTP2Bytes.informational(stream: 1).bytes)]),
    ]

    @Test(arguments: http2.indices)
    func refusesAHeadOverHTTP2ThatIsTooLarge(index: Int) async throws {
        let certificate = try TestCertificate()
        let steps = Self.http2[index].1
        let server = try await ByteServer.start(certificate: certificate, isHTTP2: true) { _, _ in
            [.frame(.settings)] + steps
        }
        let client = try Client(headBytes: 4096, trusting: certificate)
        let fault = await client.fault(server.url)
        #expect(fault == Self.tooLarge, "\(Self.http2[index].0): \(fault?.cause ?? "an answer")")
        #expect(server.bytesSent < Self.buffers)
        try await server.stop()
    }

    @Test func takesAHeadOverHTTP2BelowItsLimit() async throws {
        let certificate = try TestCertificate()
        let fields = Array(Self.fields.prefix(3).joined())
        let server = try await ByteServer.start(certificate: certificate, isHTTP2: true) { _, _ in
            [.frame(.settings), .frame(.informational(stream: 1)), .frame(.head(stream: 1, fields, endsHead: false))]
                + [.frame(.continuation(stream: 1, HTTP2Bytes.field(3, valueCount: 10), endsHead: true))]
                + [.frame(.data(stream: 1, "{}"))]
        }
        let client = try Client(headBytes: 4096, trusting: certificate)
        #expect(try await client.text(server.url) == "{}")
        try await server.stop()
    }
}
