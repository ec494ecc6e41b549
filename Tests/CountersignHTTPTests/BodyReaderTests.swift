import CountersignHTTP
import NIOCore
import Testing

@Suite struct BodyReaderTests {
    private static let limits = HeadLimits(bytes: 64, lineBytes: 32, fieldCount: 3)

    /// The content and what is left, or why there is none.
    private static func read(_ text: String, _ length: BodyReader.Length, pieces: Int?, limit: Int) -> String {
        var reader = BodyReader(length, limits: limits)
        var input = ByteBuffer()
        let bytes = Array(text.utf8)
        var progress = reader.read(&input, upTo: limit)
        for start in stride(from: 0, to: bytes.count, by: pieces ?? max(bytes.count, 1)) where progress == .more {
            input.writeBytes(bytes[start..<min(start + (pieces ?? bytes.count), bytes.count)])
            progress = reader.read(&input, upTo: limit)
        }
        switch progress {
        case .complete: return String(decoding: reader.content, as: UTF8.self)
        case .more: return "…" + String(decoding: reader.content, as: UTF8.self)
        case .tooLarge: return "too large"
        case .refused(let fault): return fault.rawValue
        }
    }

    private func check(
        _ text: String, of length: BodyReader.Length = .chunked, limit: Int = 100, _ outcome: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        for pieces in [nil, 1, 2, 3] {
            #expect(Self.read(text, length, pieces: pieces, limit: limit) == outcome, sourceLocation: location)
        }
    }

    @Test func readsBodiesOfAKnownLength() {
        check("", of: .none, "")
        check("", of: .bytes(0), "")
        check("hello", of: .bytes(5), "hello")
        check("hell", of: .bytes(5), "…hell")
        check("hello", of: .bytes(5), limit: 5, "hello")
        check("hello", of: .bytes(5), limit: 4, "too large")
        check("", of: .bytes(.max), limit: 4, "too large")
    }

    @Test func readsChunks() {
        check("5\r\nhello\r\n0\r\n\r\n", "hello")
        check("3\r\nhel\r\n002\r\nlo\r\n0000\r\n\r\n", "hello")
        check("A;x=\"y; z\";q\r\n0123456789\r\n0;end\r\n\r\n", "0123456789")
        check("5\r\nhello\r\n0\r\nX: y\r\nZ:\r\n\r\n", "hello")
        check("0\r\n\r\n", "")
        check("5\r\nhello\r\n0\r\n", "…hello")
        check("5\r\nhello\r\n0\r\n\r\n", limit: 5, "hello")
        check("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", limit: 4, "too large")
        check("5\r\n", limit: 4, "too large")
        check("7fffffffffffffff\r\n", limit: 4, "too large")
    }

    @Test(arguments: [
        "\r\n", "x\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "1 \r\n", "0x1\r\n", "1\n", "1\r\r\n", "1;\u{1}\r\n",
        "8000000000000000\r\n",
        "ffffffffffffffffff\r\n", "1\r\nab\r\n", "1\r\na\n", "1\r\na0\r\n", "1\r\na\r0\r\n", "0\r\n\n", "0\r\nX: y\n",
        "1;" + String(repeating: "e", count: 256), String(repeating: "0", count: 257) + "\r\n",
    ])
    func refusesWhatIsNoChunk(_ text: String) { check(text, "chunk_malformed") }

    @Test func boundsChunkExtensions() {
        check("1;" + String(repeating: "e", count: 254) + "\r\na\r\n0\r\n\r\n", "a")
    }

    @Test func checksAndBoundsTrailers() {
        func trailers(_ lines: String...) -> String { "0\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n" }
        let line = "X: " + String(repeating: "x", count: 29)
        check(trailers("X y"), "field_malformed")
        check(trailers(" X: y"), "field_malformed")
        check(trailers(line), "")
        check(trailers(line + "x"), "trailers_too_large")
        check(trailers("a: b", "a: b", "a: b"), "")
        check(trailers("a: b", "a: b", "a: b", "a: b"), "trailers_too_large")
        check(trailers(line, String(line.dropLast(6))), "")
        check(trailers(line, String(line.dropLast(5))), "trailers_too_large")
        check("0\r\n" + String(repeating: "x", count: 34), "trailers_too_large")
        check("0\r\n" + line + "\r\n" + String(repeating: "x", count: 30), "trailers_too_large")
    }

    @Test func leavesWhatFollowsABody() {
        var reader = BodyReader(.chunked, limits: Self.limits)
        var input = ByteBuffer(string: "1\r\na\r\n0\r\n\r\nGET")
        #expect(reader.read(&input, upTo: 10) == .complete && input == ByteBuffer(string: "GET"))
        reader = BodyReader(.bytes(2), limits: Self.limits)
        input = ByteBuffer(string: "abGET")
        #expect(reader.read(&input, upTo: 10) == .complete && input == ByteBuffer(string: "GET"))
    }
}
