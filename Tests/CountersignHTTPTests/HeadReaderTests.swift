import CountersignHTTP
import HTTPTypes
import NIOCore
import TestSupport
import Testing
import TokenExchange

/// What is a request by RFC 9112, and what is none; the same however few bytes come at once.
@Suite struct HeadReaderTests {
    private static let limits = HeadLimits(bytes: 4096, lineBytes: 1024, fieldCount: 8)

    /// Method, path, host and framing of a head, or why it is refused.
    private static func read(_ text: String, pieces: Int? = nil, limits: HeadLimits = limits) -> String {
        var reader = HeadReader(limits)
        var input = ByteBuffer()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces ?? max(bytes.count, 1)) {
            input.writeBytes(bytes[start..<min(start + (pieces ?? bytes.count), bytes.count)])
            switch reader.read(&input) {
            case .more: continue
            case .refused(let fault): return fault.rawValue
            case .head(let head, let framing):
                return "\(head.method) \(head.path) \(head.host.map(String.init) ?? "-") \(framing.body)"
                    + (framing.keepsAlive ? "" : " close") + (framing.expectsContinue ? " continue" : "")
            }
        }
        return "more"
    }

    private static func check(_ text: String, _ outcome: String, _ location: SourceLocation) {
        for pieces in [nil, 1, 2, 3, 7] {
            #expect(
                read(text, pieces: pieces) == outcome, "in pieces of \(pieces ?? text.utf8.count)",
                sourceLocation: location)
        }
    }

    private func get(
        _ fields: String..., target: String = "/", outcome: String, _ location: SourceLocation = #_sourceLocation
    ) {
        Self.check("GET \(target) HTTP/1.1\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n", outcome, location)
    }

    private func line(_ line: String, outcome: String, _ location: SourceLocation = #_sourceLocation) {
        Self.check("\(line)\r\nHost: x\r\n\r\n", outcome, location)
    }

    @Test func readsRequestLines() {
        line("GET / HTTP/1.1", outcome: "GET / x none")
        line("OPTIONS * HTTP/1.1", outcome: "OPTIONS * x none")
        line("PROPFIND /a?b=c HTTP/1.1", outcome: "PROPFIND /a x none")
        line("POST http://other.example:80/a?b HTTP/1.1", outcome: "POST /a other.example none")
        line("GET HTTPS://Other.Example HTTP/1.1", outcome: "GET / other.example none")
        line("GET http://other.example?q HTTP/1.1", outcome: "GET / other.example none")
        line("\r\n\r\nGET / HTTP/1.1", outcome: "GET / x none")
        line("GET / HTTP/1.0", outcome: "GET / x none close")
        line("GET / HTTP/1.9", outcome: "GET / x none")
    }

    @Test func refusesWhatIsNoRequestLine() {
        let malformed = "request_line_malformed"
        for text in [
            "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1",
            "get / HTTP/1.1",
            "BREW / HTTP/1.1", "GETX / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.10",
            "GET /a b HTTP/1.1",
            "GET / HTTP/x.1", "\n", "\rGET / HTTP/1.1", "\u{16}\u{3}\u{1}", "", "GET", "{}",
        ] { line(text, outcome: malformed) }
        line("GET / HTTP/2.0", outcome: "version_not_supported")
        Self.check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", malformed, #_sourceLocation)
    }

    /// So that whoever sends rubbish is not waited for.
    @Test(arguments: ["hello", "\0\0\0\0\0", "XXXXX", "\u{16}\u{3}\u{1}\u{2}\0", "GETS", "GET\r", "PRI ", "\n"])
    func refusesAtItsFirstBytesWhatIsNoHTTP(_ bytes: String) {
        #expect(Self.read(bytes) == "request_line_malformed")
    }

    @Test func refusesTargetsOfNoForm() {
        for target in [
            "*", "x", "x:80", "http:/x", "ftp://x/", "//x", "http://", "http:///", "http://u@x/", "http://x:y/",
        ] {
            let isOriginForm = target == "//x"
            let outcome =
                isOriginForm ? "GET //x x none" : target.hasPrefix("http://") ? "host_malformed" : "target_malformed"
            line("GET \(target) HTTP/1.1", outcome: outcome)
        }
        line("CONNECT x:80 HTTP/1.1", outcome: "target_malformed")
        line("GET /\u{1} HTTP/1.1", outcome: "target_malformed")
        line("GET /\u{7F} HTTP/1.1", outcome: "target_malformed")
    }

    @Test func takesEncodedUnreservedCharactersForThemselves() {
        line(
            "GET /%70ost_login%5Fcallback/%76ip%2dloyalty%7E?%70 HTTP/1.1",
            outcome: "GET /post_login_callback/vip-loyalty~ x none")
        line("GET /a%2Fb%2fc%25%20%3F%e4%2 HTTP/1.1", outcome: "GET /a%2Fb%2fc%25%20%3F%e4%2 x none")
        line("GET /%2570 HTTP/1.1", outcome: "GET /%2570 x none")
    }

    // MARK: - Host

    @Test(arguments: [
        ("x", "x"), ("x.", "x"), ("VIP.Acme.Example:8443", "vip.acme.example"), ("x.:80", "x"), ("x:", "x"),
        ("x:65535", "x"),
        ("[::1]", "[::1]"), ("[2001:DB8::7]:443", "[2001:db8::7]"), ("a_b-c~d!$&'()*+,;=", "a_b-c~d!$&'()*+,;="),
        ("%76ip.example", "vip.example"), ("%c3%a9.example", "%c3%a9.example"), ("  x\t", "x"),
    ])
    func readsTheHost(_ value: String, _ host: String) { get("Host: \(value)", outcome: "GET / \(host) none") }

    @Test(arguments: [
        "", ".", "x:y", "x:65536", "x:-1", "x:8 0", "x:1:2", "[::1", "::1", "[]", "[x]", "[1.2.3.4]", "u@x", "x/y",
        "x y", "x#", "%", "%4",
        "%zz", "é", "\"x\"", "[::1]x", "[::1]]",
    ])
    func refusesHostsThatAreNone(_ value: String) { get("Host: \(value)", outcome: "host_malformed") }

    @Test func asksForOneHost() {
        get("Accept: x", outcome: "host_missing")
        get("Host: x", "Host: x", outcome: "host_twice")
        get("Host: x", "hOST: y", outcome: "host_twice")
        get("Accept: x", target: "http://x/", outcome: "host_missing")
        get("Host: :", target: "http://x/", outcome: "host_malformed")
        Self.check("GET / HTTP/1.0\r\n\r\n", "GET / - none close", #_sourceLocation)
        Self.check("GET / HTTP/1.0\r\nHost: x:y\r\n\r\n", "host_malformed", #_sourceLocation)
        Self.check("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", "host_twice", #_sourceLocation)
    }

    // MARK: - Fields

    @Test(arguments: [
        "X", "X : y", " X: y", "\tX: y", ": y", "X y: z", "X: a\0b", "X: a\rb", "X: a\u{7F}", "X: a\u{1}", "é: x",
        "X\0: y", "(x): y",
    ])
    func refusesFieldsThatAreNone(_ field: String) { get("Host: x", field, outcome: "field_malformed") }

    @Test func refusesLinesThatEndInALineFeedAlone() {
        Self.check("GET / HTTP/1.1\nHost: x\r\n\r\n", "request_line_malformed", #_sourceLocation)
        Self.check("GET / HTTP/1.1\r\nHost: x\n\r\n", "field_malformed", #_sourceLocation)
        Self.check("GET / HTTP/1.1\r\nHost: x\r\n\n", "field_malformed", #_sourceLocation)
    }

    /// A folded line (RFC 9112 §5.2) is read differently by different readers.
    @Test func refusesFoldedLines() {
        get("Host: x", "X: a", " b", outcome: "field_malformed")
        get("Host: x", "Content-Length: 1", "\t0", outcome: "field_malformed")
    }

    @Test func findsFieldsWhateverTheirCase() throws {
        let head = try RequestHead.reading(
            "GET / HTTP/1.1\r\nhost: x\r\nCONTENT-type:\t a \r\nAccept: a\r\naccept:b\r\nEtag:\r\nX: \u{e9}\r\n\r\n")
        #expect(head.headerFields[.contentType] == "a")
        #expect(head.headerFields[.accept] == "a, b")
        #expect(head.headerFields[.eTag] == "")
        #expect(head.headerFields[.authorization] == nil)
    }

    // MARK: - Bodies and persistence

    @Test func readsHowLongABodyIs() {
        get("Host: x", "Content-Length: 0", outcome: "GET / x bytes(0)")
        get("Host: x", "Content-Length: 0042", outcome: "GET / x bytes(42)")
        get("Host: x", "Content-Length: 99999999999999999999999", outcome: "GET / x bytes(\(Int.max))")
        get("Host: x", "Transfer-Encoding: Chunked", outcome: "GET / x chunked")
    }

    @Test(arguments: ["", "-1", "+1", "1 ", "0x1", "1,1", "1, 1", "1;", "1.0", "１"])
    func refusesLengthsThatAreNone(_ value: String) {
        get(
            "Host: x", "Content-Length: \(value)",
            outcome: value == "1 " ? "GET / x bytes(1)" : "content_length_malformed")
    }

    @Test func refusesWhatTwoReadersCouldReadAsTwoRequests() {
        get("Host: x", "Content-Length: 1", "Content-Length: 1", outcome: "content_length_malformed")
        get("Host: x", "Content-Length: 1", "Content-Length: 2", outcome: "content_length_malformed")
        get("Host: x", "Content-Length: 1", "Transfer-Encoding: chunked", outcome: "length_twice")
        get("Host: x", "Transfer-Encoding: chunked", "Content-Length: 1", outcome: "length_twice")
        for coding in [
            "", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked", "chunked;x",
            "\u{b}chunked",
        ] {
            let outcome = coding.hasPrefix("\u{b}") ? "field_malformed" : "transfer_encoding_not_supported"
            get("Host: x", "Transfer-Encoding: \(coding)", outcome: outcome)
        }
        get(
            "Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
            outcome: "transfer_encoding_not_supported")
        Self.check(
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer_encoding_not_supported", #_sourceLocation
        )
    }

    @Test func readsWhetherTheConnectionGoesOn() {
        get("Host: x", "Connection: close", outcome: "GET / x none close")
        get("Host: x", "Connection: keep-alive, Close", outcome: "GET / x none close")
        get("Host: x", "Connection: close, keep-alive", outcome: "GET / x none close")
        get("Host: x", "Connection: keep-alive", "Connection: close", outcome: "GET / x none close")
        get("Host: x", "Connection: Upgrade", "Upgrade: h2c", outcome: "GET / x none")
        get("Host: x", "Connection: closed, x-close", outcome: "GET / x none")
        let old = "GET / HTTP/1.0\r\nConnection: "
        Self.check(old + "Keep-Alive\r\n\r\n", "GET / - none", #_sourceLocation)
        Self.check(old + "keep-alive, close\r\n\r\n", "GET / - none close", #_sourceLocation)
        Self.check(old + "te\r\n\r\n", "GET / - none close", #_sourceLocation)
    }

    @Test func readsWhetherTheClientWaitsToSendItsBody() {
        get("Host: x", "Content-Length: 1", "Expect: 100-Continue", outcome: "GET / x bytes(1) continue")
        get("Host: x", "Content-Length: 1", "Expect: 200-ok", outcome: "GET / x bytes(1)")
        Self.check(
            "GET / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", "GET / - bytes(1) close",
            #_sourceLocation)
    }

    // MARK: - Limits

    /// At the limit, and one above it.
    @Test func boundsAHead() {
        func head(_ count: Int) -> String {
            let start = "GET / HTTP/1.1\r\nHost: x\r\n"
            let lines = (0..<3).map { _ in "A: " + String(repeating: "a", count: 1019) + "\r\n" }.joined()
            let rest = count - start.utf8.count - lines.utf8.count - "B: \r\n\r\n".utf8.count
            return start + lines + "B: " + String(repeating: "b", count: rest) + "\r\n\r\n"
        }
        Self.check(head(4096), "GET / x none", #_sourceLocation)
        Self.check(head(4097), "head_too_large", #_sourceLocation)
        Self.check(String(decoding: head(4097).utf8.dropLast(), as: UTF8.self), "head_too_large", #_sourceLocation)
    }

    @Test func boundsTheEmptyLinesBeforeAHead() {
        let lines = String(repeating: "\r\n", count: 4)
        Self.check(lines + "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / x none", #_sourceLocation)
        Self.check(lines, "more", #_sourceLocation)
        Self.check(lines + "\r\n", "request_line_malformed", #_sourceLocation)
    }

    @Test func boundsALine() {
        let name = "X: "
        get("Host: x", name + String(repeating: "a", count: 1021), outcome: "GET / x none")
        get("Host: x", name + String(repeating: "a", count: 1022), outcome: "head_too_large")
        get(
            "Host: x", target: "/" + String(repeating: "a", count: 1010),
            outcome: "GET /\(String(repeating: "a", count: 1010)) x none")
        get("Host: x", target: "/" + String(repeating: "a", count: 1011), outcome: "head_too_large")
        Self.check("GET / HTTP/1.1\r\nX:" + String(repeating: " ", count: 1024), "head_too_large", #_sourceLocation)
        Self.check("GET / HTTP/1.1\r\nX:" + String(repeating: " ", count: 1023), "more", #_sourceLocation)
    }

    @Test func boundsTheNumberOfFields() {
        func head(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: x\r\n" + (1..<count).map { "A\($0): b\r\n" }.joined() + "\r\n"
        }
        Self.check(head(8), "GET / x none", #_sourceLocation)
        Self.check(head(9), "head_too_large", #_sourceLocation)
    }

    @Test func leavesWhatFollowsAHead() {
        var reader = HeadReader(Self.limits)
        var input = ByteBuffer(string: "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: y\r\n\r\nrest")
        for number in 1...2 {
            guard case .head(let head, _) = reader.read(&input) else {
                Issue.record("no head \(number)")
                return
            }
            #expect(head.path == ExactText("/\(number)"))
        }
        #expect(input == ByteBuffer(string: "rest"))
    }
}
