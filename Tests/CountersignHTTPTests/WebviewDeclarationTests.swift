import Foundation
import Testing

/// The TypeScript declarations of the webview script say what the script exports.
@Suite struct WebviewDeclarationTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/CountersignHTTP/Webview")
    private let script: String
    private let declarations: String

    init() throws {
        func read(_ name: String) throws -> String {
            try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
        }
        script = try read("countersign.v2.js")
        declarations = try read("countersign.v2.d.ts")
    }

    private static func words(_ pattern: Regex<(Substring, Substring)>, in text: some StringProtocol) -> Set<Substring>
    {
        Set(Substring(text).matches(of: pattern).map(\.1))
    }

    /// From `start` to the first `end` after it.
    private static func piece(of text: String, from start: String, to end: String) throws -> Substring {
        let begin = try #require(text.range(of: start))
        let close = try #require(text.range(of: end, range: begin.upperBound..<text.endIndex))
        return text[begin.upperBound..<close.lowerBound]
    }

    @Test func areThoseOfTheNewestVersion() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        let newest = names.compactMap { $0.wholeMatch(of: /countersign\.v(\d+)\.js/).flatMap { Int($0.1) } }.max()
        #expect(newest == 2)
    }

    @Test func nameEveryExport() {
        let exports = Self.words(/export (?:async )?(?:function\*?|const|let|class) (\w+)/, in: script)
        #expect(exports == ["start", "couponsLink"])
        #expect(Self.words(/export (?:function|const|let|class) (\w+)/, in: declarations) == exports)
    }

    @Test func nameEveryParameter() throws {
        let parameters = try Self.piece(of: script, from: "function start({", to: "}) {")
            .replacing(/\([^)]*\)/, with: "")
        let options = try Self.piece(of: declarations, from: "interface Options<Rendered, Denied> {", to: "\n  }")
        let names = Self.words(/(\w+)(?: =[^,]*)?(?:,|\s*$)/, in: parameters)
        #expect(names.isSuperset(of: ["render", "deny", "timeout"]))
        #expect(Self.words(/\n    (\w+)\??[(:]/, in: options) == names)
        let withDefaults = Self.words(/(\w+) =/, in: parameters)
        #expect(Self.words(/\n    (\w+)\?:/, in: options) == withDefaults.union(["identityProvider"]))

        let members = try Self.piece(of: script, from: "function couponsLink(codes, {", to: "})")
        let picked = try Self.piece(of: declarations, from: "Pick<Context, ", to: ">")
        #expect(Self.words(/"(\w+)"/, in: picked) == Self.words(/(\w+)/, in: members))
    }

    @Test func nameEveryReason() throws {
        let union = try Self.piece(of: declarations, from: "type DenyReason =", to: ";")
        let reasons = Self.words(/"(\w+)"/, in: union)
        #expect(reasons.count == 4)
        #expect(Self.words(/(?:deny\(|return |\? |" : |session : )"(\w+)"/, in: script) == reasons)
    }
}
