import CountersignHTTP
import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// No string can add markup to a page, whatever it holds.
@Suite struct HTMLTests {
    @Test func escapesWhatMeansSomethingInText() {
        let piece = HTML("p", ["title": #""><script>alert('x')</script>"#]) { "<b> & \"c\" 'd' é 漢 😀" }
        #expect(
            piece.markup == """
                <p title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;">\
                &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; é 漢 😀</p>
                """)
    }

    @Test func showsWhatXMLCannotHoldAsAReplacement() {
        #expect(
            HTML(text: "a\u{0}b\u{1B}c\u{7F}d\u{85}e\u{FFFE}").markup == "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}"
        )
        #expect(HTML(text: "a\tb\nc").markup == "a\tb\nc")
    }

    @Test func leavesOutAttributesThatAreNil() {
        #expect(HTML("p", ["class": nil, "id": "x"]) { "" }.markup == #"<p id="x"></p>"#)
        #expect(HTML("line", ["x1": "0"]).markup == #"<line x1="0" />"#)
    }

    /// Any text at all, as content and as a value: the same elements come out, and the text can be read again.
    @Test(arguments: UInt64(0)..<50) func keepsAnyTextInItsPlace(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let special = Array("<>&\"'/=-!;#\u{0} \n]]>{}".unicodeScalars)
        for _ in 0..<200 {
            var text = ""
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                let any = UnicodeScalar(UInt32.random(in: 0...0x2FFF, using: &generator)) ?? "x"
                text.unicodeScalars.append(
                    Bool.random(using: &generator) ? special.randomElement(using: &generator)! : any)
            }
            // By bytes, as browsers read it: a mark that combines with `>` would make one character of both.
            let markup = Array(HTML("a", ["b": text]) { text }.markup.utf8)
            #expect(markup.count { $0 == UInt8(ascii: "<") } == 2 && markup.count { $0 == UInt8(ascii: "\"") } == 2)
            let inner = markup.dropFirst(#"<a b=""#.utf8.count).dropLast("</a>".utf8.count)
            let end = try #require(inner.firstIndex(of: UInt8(ascii: "\"")))
            #expect(Array(inner[..<end]) == Array(inner[(end + 2)...]))
            #expect(Self.read(Array(inner[..<end])) == Array(Self.printable(text).utf8))
        }
    }

    private static let names: [(String, UInt8)] = [
        ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")), ("&quot;", UInt8(ascii: "\"")),
        ("&#39;", UInt8(ascii: "'")), ("&amp;", UInt8(ascii: "&")),
    ]

    private static func read(_ escaped: [UInt8]) -> [UInt8] {
        var (text, rest) = ([UInt8](), escaped[...])
        while let byte = rest.first {
            let name = names.first { rest.starts(with: $0.0.utf8) }
            text.append(name?.1 ?? byte)
            rest = rest.dropFirst(name?.0.utf8.count ?? 1)
        }
        return text
    }

    private static func printable(_ text: String) -> String {
        var printable = ""
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control && !"\t\n\r".unicodeScalars.contains(scalar)
            printable.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return printable
    }

    /// The policy of every page names the sheets by these.
    @Test func knowsTheDigestsOfItsSheets() {
        for sheet in [StyleSheet.page, .drawing] {
            let digest = Data(OpenSSLRecordSealer().digest(sheet.bytes)).base64EncodedString()
            #expect(sheet.digest == digest, "a sheet has changed, and this is its digest now")
        }
    }
}
