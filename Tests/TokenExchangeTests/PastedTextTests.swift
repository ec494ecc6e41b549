import JOSE
import TestSupport
import Testing
import TokenExchange

/// What people paste where an identity token is expected.
@Suite struct PastedTextTests {
    private static let own: ExactText = "https://identity.acme.example"

    private static func token(_ change: (ModelToken) -> ModelToken = { $0 }) throws -> [UInt8] {
        try change(ModelToken(issuedAt: ManualClock.start, keyID: TestKeys.rs256.keyID)).signed(by: TestKeys.rs256)
    }

    private func paste(_ text: String) -> PastedText { PastedText(Array(text.utf8), ownIssuer: Self.own) }

    private func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            Base64URL.decode([byte, byte, byte, byte]) == nil && byte != UInt8(ascii: ".")
                ? "%" + String(byte, radix: 16, uppercase: true) : String(UnicodeScalar(byte))
        }.joined()
    }

    @Test func leavesAPlainTokenAlone() throws {
        let token = try Self.token()
        let pasted = PastedText(token, ownIssuer: Self.own)
        #expect(pasted.token == token && pasted.remarks == [])
    }

    @Test(arguments: [
        ("\"T\"", "quotes"), ("'T'", "quotes"), ("`T`", "quotes"), ("“T”", "quotes"), ("  \"T\",\r\n", "quotes"),
        ("bearer T", "Bearer"), ("Authorization: Bearer T", "Bearer"), ("'authorization:BEARER  T'", "Bearer"),
        (#"{"deviceId":"x","identity":"T"}"#, "member identity "),
        ("{\n  \"identity\" : \"Bearer T\"\n}\n", "member identity "),
        (#"'{"identity":"T"}'"#, "member identity "),
        (#"{"access_token":"T","id_token":"x"}"#, "member access_token "),
        ("grant_type=x&subject_token=T&audience=y", "parameter subject_token "),
        ("https://page.example/?token=0123&externalIdentity=T&cart=%7B%7D", "parameter externalIdentity "),
        ("https://page.example/#access_token=T&state=1", "parameter access_token "),
    ])
    func findsTheTokenIn(text: String, what: String) throws {
        let token = String(decoding: try Self.token(), as: UTF8.self)
        let pasted = paste(text.replacing("T", with: token, maxReplacements: 1))
        #expect(pasted.token == Array(token.utf8))
        #expect(pasted.remarks.contains { $0.contains(what) }, "\(pasted.remarks)")
        #expect(!pasted.remarks.contains { $0.contains(token.prefix(20)) })
    }

    /// As NewStore's example has it: the whole query is encoded, and what is in it once more.
    @Test func findsTheTokenInALinkThatIsWhollyEncoded() throws {
        let token = String(decoding: try Self.token(), as: UTF8.self)
        let query = encoded("token=0123&externalIdentity=\(token)&cart=" + encoded(#"{"a":"x=1&y"}"#))
        let pasted = paste("loyalty://open?\(query)")
        #expect(pasted.token == Array(token.utf8))
    }

    @Test(arguments: [true, false]) func findsTheTokenInTheFragmentOfAWebview(isPadded: Bool) throws {
        let token = String(decoding: try Self.token(), as: UTF8.self)
        let json = #"{"contextProps":{"formData":{"name":"Zoë?>"}},"externalIdentity":"\#(token)"}"#
        var fragment = String(decoding: Base64URL.encode(json), as: UTF8.self)
        if isPadded {
            fragment = fragment.replacing("-", with: "+").replacing("_", with: "/")
            fragment += String(repeating: "=", count: (4 - fragment.count % 4) % 4)
            fragment = encoded(fragment)
        }
        let pasted = paste("https://page.example/profile#\(fragment)")
        #expect(pasted.token == Array(token.utf8))
        #expect(pasted.remarks.count == 2, "\(pasted.remarks)")
    }

    @Test func knowsOurOwnTokens() throws {
        let jwt = try Self.token { $0.claim("iss", .string(Self.own)) }
        let opaque = "csx_" + String(repeating: "A", count: 43)
        for text in [String(decoding: jwt, as: UTF8.self), opaque, "https://page.example/?externalIdentity=\(opaque)"] {
            #expect(paste(text).remarks.last?.hasPrefix("It is an external identity") == true, "\(paste(text).remarks)")
        }
        #expect(paste("csx_" + String(repeating: "A", count: 42)).remarks == [], "too short to be ours")
    }

    @Test func knowsATokenThatIsCutOff() throws {
        let token = try Self.token()
        let dots = token.indices.filter { token[$0] == UInt8(ascii: ".") }
        let signature = token.count - dots[1] - 1
        for end in [dots[0], dots[0] + 1, dots[0] + 40, dots[1], dots[1] + 1, token.count - 1] {
            let pasted = PastedText(Array(token[..<end]), ownIssuer: Self.own)
            #expect(pasted.token == Array(token[..<end]))
            #expect(pasted.remarks.first?.hasPrefix("It is cut off") == true, "\(end) of \(token.count)")
        }
        let dotted = PastedText(Array(token[..<(dots[1] + 9)]) + Array("...".utf8), ownIssuer: Self.own)
        #expect(dotted.remarks.first?.contains("of its signature there are 8 characters") == true, "\(dotted.remarks)")
        #expect(signature == 342)
    }

    @Test func knowsWhereATerminalCutsALine() throws {
        let long = try Self.token { $0.claim("x", .string(String(repeating: "x", count: 4000))) }
        #expect(PastedText(Array(long[..<4095]), ownIssuer: Self.own).remarks.first?.contains("terminal") == true)
        #expect(PastedText(Array(long[..<4094]), ownIssuer: Self.own).remarks.first?.contains("terminal") == false)
    }

    @Test(arguments: [
        ("{\"identity\":\"eyJ", "JSON"), ("{}", "JSON"), ("{\"identity\":7}", "JSON"),
        ("https://page.example/?token=0123", "a URL"), ("https://page.example/#e30", "JSON"),
    ])
    func saysWhatHoldsNoToken(text: String, what: String) {
        #expect(paste(text).remarks.last?.hasPrefix("It is \(what)") == true, "\(paste(text).remarks)")
    }

    @Test(arguments: ["", "\"", "\"\"", "Bearer", "=", "%", "%4", "#", "{", "\u{0}", "....", "identity=", "://"])
    func takesAnythingWithoutATrap(text: String) {
        #expect(paste(text).token.count <= text.utf8.count)
    }
}
