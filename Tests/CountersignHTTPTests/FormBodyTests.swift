import CountersignHTTP
import Testing
import TokenExchange

/// Forms as the WHATWG URL standard reads them, and what makes one unusable.
@Suite struct FormBodyTests {
    private func value(_ text: String, _ name: StaticString = "token") throws -> String? {
        try FormBody(Array(text.utf8)).value(name).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("token=a", "a"), ("token=a%2Bb", "a+b"), ("token=a+b", "a b"), ("token=%41%6a%6A", "Ajj"), ("token=", ""),
        ("token", ""), ("&&token=a&", "a"), ("x=1&token=a=b", "a=b"), ("%74oken=a", "a"), ("token=%", "%"),
        ("token=%4", "%4"), ("token=%zz%4g", "%zz%4g"), ("token=%%41", "%A"), ("x=token", nil), ("", nil),
    ])
    func readsAField(text: String, expected: String?) throws {
        #expect(try value(text) == expected)
    }

    @Test func handsOnBytesThatAreNoText() throws {
        #expect(try FormBody(Array("token=%FF%00".utf8)).value("token") == [0xFF, 0])
        #expect(try FormBody(Array("token=".utf8) + [0xFF]).value("token") == [0xFF])
    }

    @Test func countsAParameterWithoutValueAsAbsent() throws {
        let form = try FormBody(Array("a=&b=1".utf8))
        #expect(form.parameter("a") == nil && form.parameter("b") != nil && form.parameter("c") == nil)
    }

    @Test(arguments: ["token=a&token=a", "token=a&x=1&%74oken=b", "x&x", "token&token=", "=1&=2"])
    func refusesAFieldThatComesTwice(text: String) {
        #expect(throws: FormError.fieldTwice) { try FormBody(Array(text.utf8)) }
    }

    @Test func takesSomeFieldsMoreThanOnceWhereThatIsAllowed() throws {
        let form = try FormBody(Array("a=1&b=2&%61=3&a=&a=1".utf8), repeatable: ["a"])
        #expect(form.parameters("a") == [Array("1".utf8), Array("3".utf8), Array("1".utf8)])
        #expect(form.parameters("b").count == 1 && form.parameters("c").isEmpty)
        #expect(throws: FormError.fieldTwice) { try FormBody(Array("a=1&b=1&b=1".utf8), repeatable: ["a"]) }
    }

    @Test func takesThirtyTwoFieldsAndNoMore() throws {
        let fields = (0..<32).map { "f\($0)=\($0)" }
        for count in [31, 32] {
            #expect(try FormBody(Array(fields.prefix(count).joined(separator: "&").utf8)).value("f30") != nil)
        }
        #expect(throws: FormError.tooManyFields) {
            try FormBody(Array((fields + ["token=a"]).joined(separator: "&").utf8))
        }
    }
}
