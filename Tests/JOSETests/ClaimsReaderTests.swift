import JOSE
import Testing
import TokenExchange

@Suite("Claims by libjwt")
struct ClaimsReaderTests {
    private func claim(_ name: ExactText, in json: String) throws -> JSONValue? {
        let claims = try JSONObject(Array(json.utf8), limits: JSONLimits())
        return try LibJWTClaimsReader().claims([name], in: claims)[name]
    }

    private func claim(_ value: String) throws -> JSONValue? { try claim("c", in: "{\"c\":\(value)}") }

    @Test func readsStrings() throws {
        #expect(try claim(#""acme""#) == .string("acme"))
        #expect(try claim(#""""#) == .string(""))
        #expect(try claim(#""Zoë 漢字 🧾""#) == .string("Zoë 漢字 🧾"))
        #expect(try claim(#""\u005a\"\n\\\ud83e\uddfe""#) == .string("Z\"\n\\🧾"))
    }

    @Test func leavesOutAbsentClaims() throws {
        #expect(try claim("absent", in: "{}") == nil)
        #expect(try claim("absent", in: #"{"absen":"1"}"#) == nil)
    }

    @Test func readsNumbersByTheirValue() throws {
        #expect(try claim("1764003900") == .number(literal: "1764003900"))
        #expect(try claim("1.5") == .number(literal: "1.5"))
        #expect(try claim("1.1") == .number(literal: "1.1"))
        #expect(try claim("0")?.number == 0)
        #expect(try claim("-7") == .number(literal: "-7"))
        #expect(try claim("1e3")?.number == 1000)
        #expect(try claim("1.7e308")?.number == 1.7e308)
        #expect(try claim("9007199254740993") == .number(literal: "9007199254740993"))
        #expect(try claim("9223372036854775807") == .number(literal: "9223372036854775807"))
    }

    @Test func doesNotReadStringAsNumber() throws {
        #expect(try claim("exp", in: #"{"exp":"5"}"#) == .string("5"))
        #expect(try claim("exp", in: #"{"exp":1.5}"#)?.number == 1.5)
    }

    @Test func readsLiteralsAndNesting() throws {
        #expect(try claim("true") == .bool(true))
        #expect(try claim("false") == .bool(false))
        #expect(try claim("null") == .null)
        #expect(try claim("[]") == .array([]))
        #expect(try claim("{}") == .object([]))
        #expect(
            try claim(#"{"roles":["a","é"],"n":0.1}"#)
                == .object([.init("n", .number(literal: "0.1")), .init("roles", .array([.string("a"), .string("é")]))]))
    }

    @Test func readsClaimsWhoseNamesAreURLs() throws {
        let json = #"{"http://newstore/newstore_id":"a1","http://newstore/roles":["r"],"x.y[0]":"z","Größe":1}"#
        #expect(try claim("http://newstore/newstore_id", in: json) == .string("a1"))
        #expect(try claim("http://newstore/roles", in: json) == .array([.string("r")]))
        #expect(try claim("x.y[0]", in: json) == .string("z"))
        #expect(try claim("Größe", in: json) == .number(literal: "1"))
    }

    @Test func doesNotCutNamesAtNUL() throws {
        #expect(try claim("sub\0x", in: #"{"sub":"s"}"#) == nil)
    }

    @Test func refusesEmptyNameWhichWouldMeanAllClaims() {
        #expect(throws: ClaimsUnreadable.self) { try claim("", in: #"{"sub":"s","":1}"#) }
    }

    @Test func readsTheClaimsThatAreAskedForAlone() throws {
        let claims = try JSONObject(Array(#"{"sub":"s","exp":1,"more":{"a":[1]}}"#.utf8), limits: JSONLimits())
        let read = try LibJWTClaimsReader().claims(["sub", "aud", "exp"], in: claims)
        #expect(read["sub"] == .string("s"))
        #expect(read["exp"] == .number(literal: "1"))
        #expect(read["aud"] == nil && read["more"] == nil)
    }
}
