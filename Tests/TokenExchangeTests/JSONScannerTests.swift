import Foundation
import Testing
import TokenExchange

@Suite struct JSONScannerTests {
    private func error(of text: String, _ limits: JSONLimits = JSONLimits()) -> JSONError? {
        error(of: Array(text.utf8), limits)
    }

    private func error(of text: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONError? {
        do {
            _ = try JSONObject(text, limits: limits)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        "{}", " {\t\"a\" : 1 ,\r\n\"b\":[ ] } ", #"{"a":{"a":{"a":null}},"b":[true,false,null,"x",-0.5e+3,0]}"#,
        #"{"":""}"#, #"{"a":"\"\\\/\b\f\n\r\té\uD83D\uDE00"}"#, #"{"a":"é€😀"}"#, #"{"a":9223372036854775807}"#,
        #"{"a":-9223372036854775808,"b":1e308}"#, #"{"a":[{"x":1},{"x":1}]}"#,
    ])
    func acceptsWhatFoundationReadsWithTheSameNames(text: String) throws {
        let object = try JSONObject(Array(text.utf8), limits: JSONLimits())
        let dictionary = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(Set(object.names.map(\.description)) == Set(dictionary.keys))
        #expect(object.names.count == dictionary.count)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[]", "null", "1", "\"a\"", "{}{}", "{} x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}", "{a:1}", "{'a':1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}",
        "{\"a\":-}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":tru}", "{\"a\":nul}", "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\n\"}",
        #"{"a":"\x"}"#, #"{"a":"\u12"}"#, #"{"a":"\u00zz"}"#, #"{"a":"\u0000"}"#, #"{"a":"\uD800"}"#,
        #"{"a":"\uDC00"}"#,
        #"{"a":"\uD800A"}"#, #"{"a":"\uD800\uD800"}"#, #"{"a":"#,
        "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "/**/{}", "{\"a\":1}//",
        "\u{FEFF}{}",
    ])
    func refusesWhatIsNotStrictJSON(text: String) {
        #expect(error(of: text) == .malformed)
    }

    /// Strings are searched eight bytes at a time, for what does not mean itself.
    @Test func findsWhatIsSpecialAtAnyPlaceOfAString() throws {
        for count in 0...25 {
            for place in 0...count {
                func object(_ special: String) -> [UInt8] {
                    let plain = String(repeating: "~", count: count)
                    return Array("{\"\(plain.prefix(place))\(special)\(plain.dropFirst(place))\":\"\(plain) \"}".utf8)
                }
                for special in ["\u{1}", "\u{1F}", "\n", "\"", "\\", "\\x"] {
                    #expect(error(of: object(special)) == .malformed, "\(special.debugDescription) at \(place)")
                }
                #expect(error(of: object("").map { $0 == 0x20 ? 0xFF : $0 }) == .malformed)
                for (special, meaning) in [("\u{7F}", "\u{7F}"), ("\\\"", "\""), ("\\\\", "\\"), ("é", "é")] {
                    let read = try JSONObject(object(special), limits: JSONLimits()).names[0]
                    let plain = String(repeating: "~", count: count)
                    #expect(read == ExactText(plain.prefix(place) + meaning + plain.dropFirst(place)))
                    let written = JSONValue.string(read).text
                    #expect(try JSONValue(parsing: written) == .string(read))
                }
            }
        }
    }

    @Test(arguments: ["18446744073709551616", "-9223372036854775809", "1e400", "-1e400", "1e999999999", "0e-99999"])
    func checksOnlyTheFormOfNumbers(literal: String) throws {
        let object = try JSONObject(Array("{\"a\":\(literal)}".utf8), limits: JSONLimits())
        #expect(object["a"] == .number(literal: literal))
    }

    @Test(
        arguments: [
            [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80], [0xFF], [0xC3], [0xE2, 0x82], [0xC3, 0x28],
        ] as [[UInt8]])
    func refusesBytesThatAreNotUTF8(bytes: [UInt8]) {
        #expect(error(of: Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)) == .malformed)
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"é":1,"\u00e9":2}"#, #"{"😀":1,"\uD83D\uDE00":2}"#,
        #"{"x":{"b":1,"b":1}}"#, #"{"x":[[{"b":1,"c":2,"b":1}]]}"#, #"{"":1,"":2}"#, #"{"a\/b":1,"a/b":2}"#,
    ])
    func refusesDuplicateNamesAtAnyDepthHoweverTheyAreWritten(text: String) {
        #expect(error(of: text) == .duplicateMember)
    }

    @Test func acceptsTheSameNameInDifferentObjects() {
        #expect(error(of: #"{"a":{"a":1},"b":{"a":1},"c":[{"a":1},{"a":2}]}"#) == nil)
    }

    /// Names are told apart by hashes first, which are made of eight bytes at a time.
    @Test func tellsManyNamesOfAnyLengthApart() throws {
        let names = (0..<100).map { String(repeating: "n", count: $0) }
        let members = names.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        let object = try JSONObject(Array("{\(members)}".utf8), limits: JSONLimits())
        for (index, name) in names.enumerated() {
            #expect(object[ExactText(name)]?.integer == Int64(index))
            #expect(error(of: "{\(members),\"\(name)\":0}") == .duplicateMember)
        }
        #expect(!object.contains(ExactText(String(repeating: "n", count: 100))))
    }

    @Test func boundsDepthExactly() {
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
        }
        #expect(error(of: nested(15)) == nil)
        #expect(error(of: nested(16)) == nil)
        #expect(error(of: nested(17)) == .tooDeep)
        #expect(error(of: nested(4), JSONLimits(depth: 3)) == .tooDeep)
        #expect(error(of: nested(5000)) == .tooDeep)
    }

    @Test func boundsMembersOfAnObjectExactly() {
        func wide(_ count: Int) -> String {
            "{" + (0..<count).map { "\"m\($0)\":0" }.joined(separator: ",") + "}"
        }
        #expect(error(of: wide(255)) == nil)
        #expect(error(of: wide(256)) == nil)
        #expect(error(of: wide(257)) == .tooManyMembers)
        #expect(error(of: wide(4), JSONLimits(members: 3)) == .tooManyMembers)
    }

    @Test func resolvesEscapesInNamesAndStrings() throws {
        let object = try JSONObject(Array(#"{"\u0061b":"x\n\uD83D\uDE00é","n":1}"#.utf8), limits: JSONLimits())
        #expect(object.names == ["ab", "n"])
        #expect(object.string("ab") == "x\n😀é")
        #expect(object.string("n") == nil)
        #expect(object.string("absent") == nil)
    }

    @Test func readsValuesAndWritesThemBack() throws {
        let text = #"{"a":[1,2.50,-3e2,"é\"\\",true,false,null,{}],"b":{"c":"\u0007"}}"#
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(String(decoding: value.text, as: UTF8.self) == text)
        #expect(value["b"]?["c"]?.string == "\u{7}")
    }

    /// Beyond 2^53, other readers take neighbours for the same number.
    @Test(arguments: [
        ("9007199254740992", Int64(9_007_199_254_740_992)), ("9007199254740993", nil),
        ("-9007199254740992", -9_007_199_254_740_992), ("-9007199254740993", nil), ("1.0", nil),
    ])
    func readsIntegersThatADoubleHoldsExactly(literal: String, integer: Int64?) {
        #expect(JSONValue.number(literal: literal).integer == integer)
    }

    /// A document that is cut short is refused, wherever it is cut, and nothing reads past its end.
    @Test func refusesEveryPrefixOfADocument() {
        let text = Array(#"{"a":[1.5e3,"é\u00e9\uD83D\uDE00",{"b":null}],"c":true}"#.utf8)
        for count in 0..<text.count { #expect(error(of: Array(text[..<count])) != nil) }
    }
}
