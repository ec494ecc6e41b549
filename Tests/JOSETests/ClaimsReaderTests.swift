import JOSE
import Testing
import TokenExchange

@Suite("Claims by libjwt")
struct ClaimsReaderTests {
    private func claim(_ name: ExactText, in json: String) throws -> JSONValue? {
        let claims = try JSONObject(Array(json.utf8), limits: JSONLimits())
        return try LibJWTClaimsReader.claims([name], in: claims)[name]
    }

    private func claim(_ value: String) throws -> JSONValue? { try claim("c", in: "{\"c\":\(value)}") }

    @Test func readsStrings() throws {
        #expect(try claim(#""acme""#) == .string("acme"))
        #expect(try claim(#""""#) == .string(""))
        #expect(try claim(#""Zoë 漢字 🧾""#) == .string("Zoë 漢字 🧾"))
        #expect(try claim(#""\u005a\"\n\\\ud83e\uddfe""#) == .string("Z\"\n\\🧾"))
    }

    /// libjwt gets them as they are written, names included.
    @Test func readsStringsHoweverTheyAreLaidOut() throws {
        #expect(try claim("c", in: "{ \"b\":1,\n\t\"c\" :\n\"acme\" }") == .string("acme"))
        #expect(try claim("c", in: #"{"\u0063":"\u0061cme"}"#) == .string("acme"))
    }

    @Test func treatsNullAsAbsent() throws {
        #expect(try claim("null") == nil)
        #expect(try claim("[null]") == .array([.null]))
    }

    @Test func leavesOutAbsentClaims() throws {
        #expect(try claim("absent", in: "{}") == nil)
        #expect(try claim("absent", in: #"{"absen":"1"}"#) == nil)
    }

    @Test(arguments: [
        "1764003900", "1.5", "1.10", "0", "-0", "-7", "1e3", "1E+3", "1.7e308", "9007199254740993",
        "9007199254740993.0", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e400", "-1e-400",
    ])
    func keepsNumbersAsTheyAreWritten(literal: String) throws {
        #expect(try claim(literal) == .number(literal: literal))
        #expect(try claim("[{\"a\":\(literal)}]") == .array([.object([.init("a", .number(literal: literal))])]))
    }

    @Test func readsOtherClaimsNextToANumberThatNoLibraryCanHold() throws {
        let json = #"{"c":"s","big":18446744073709551616,"huge":1e999999999}"#
        #expect(try claim("c", in: json) == .string("s"))
    }

    @Test func doesNotReadStringAsNumber() throws {
        #expect(try claim("exp", in: #"{"exp":"5"}"#) == .string("5"))
        #expect(try claim("exp", in: #"{"exp":1.5}"#)?.number == 1.5)
    }

    @Test func readsLiteralsAndNesting() throws {
        #expect(try claim("true") == .bool(true))
        #expect(try claim("false") == .bool(false))
        #expect(try claim("[]") == .array([]))
        #expect(try claim("{}") == .object([]))
        #expect(
            try claim(#"{"roles":["a","é"],"n":0.1}"#)
                == .object([.init("roles", .array([.string("a"), .string("é")])), .init("n", .number(literal: "0.1"))]))
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

    @Test func readsOnlyTheClaimsThatAreAskedFor() throws {
        let claims = try JSONObject(Array(#"{"sub":"s","exp":1,"more":{"a":[1]}}"#.utf8), limits: JSONLimits())
        let read = try LibJWTClaimsReader.claims(["sub", "aud", "exp"], in: claims)
        #expect(read["sub"] == .string("s"))
        #expect(read["exp"] == .number(literal: "1"))
        #expect(read["aud"] == nil && read["more"] == nil)
    }
}
