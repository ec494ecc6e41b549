import Testing
import TokenExchange

@Suite struct JSONPointerTests {
    /// RFC 6901 §5.
    private static let document = Array(
        #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#.utf8)

    @Test(arguments: [
        ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/foo/1", #""baz""#), ("/", "0"), ("/a~1b", "1"),
        ("/c%d", "2"), ("/e^f", "3"), ("/g|h", "4"), (#"/i\j"#, "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func findsWhatTheStandardSays(text: String, value: String) throws {
        let pointer = try #require(JSONPointer(ExactText(text)))
        let document = try JSONValue(parsing: Self.document)
        #expect(pointer.value(in: document).map { String(decoding: $0.text, as: UTF8.self) } == value)
        #expect(pointer.text == text)
    }

    @Test(arguments: ["/foo/2", "/foo/-", "/foo/01", "/foo/x", "/bar", "/foo/0/0", "/foo/99999999999999999999"])
    func findsNothingElsewhere(text: String) throws {
        #expect(try #require(JSONPointer(ExactText(text))).value(in: JSONValue(parsing: Self.document)) == nil)
    }

    @Test(arguments: ["foo", "#/foo", "/a~", "/a~2"])
    func isNotAPointer(text: String) {
        #expect(JSONPointer(ExactText(text)) == nil)
    }
}
