import Foundation
import Testing

/// The folders of a target are floors: code knows what is below it, never what is beside or above it.
@Suite struct FloorTests {
    struct House: Sendable, CustomTestStringConvertible {
        /// From the repository on.
        let target: String
        /// From the ground up; folders that stand in one row do not know each other. `.` is the target itself.
        let floors: [[String]]

        var testDescription: String { target }
    }

    static let houses = [
        House(
            target: "Sources/TokenExchange",
            floors: [
                ["Text", "Time", "Waiting"], ["JSON", "Addresses", "Patterns", "Outcomes"], ["Tokens"],
                ["Claims", "Keys", "Keys/Rotation"], ["Providers"], ["Sessions", "Verification"],
                ["Upstream", "Verifiers"], ["Revocation"], ["Exchange", "Introspection", "InMemory"], ["Explanation"],
            ]),
        House(target: "Sources/JOSE", floors: [["Keys"], ["OpenSSL", "LibJWT"], ["KeySets"], ["KeyDirectory"]]),
        House(
            target: "Sources/RedisSessions",
            floors: [["Configuration"], ["RESP"], ["Hiredis"], ["Records"], ["Connection"], ["Topology"], ["."]]),
        House(
            target: "Sources/CountersignHTTP",
            floors: [
                ["Metrics"], ["Limits"], ["Wire"], ["Webview"], ["Routes"], ["Middleware"], ["Connection"], ["HTTP2"],
                ["."],
            ]),
        House(target: "Sources/ServiceConfiguration", floors: [["Reading"], ["Values"], ["Sections"], ["."]]),
        House(
            target: "Sources/CountersignService",
            floors: [
                ["Logging"], ["Metrics"], ["Audit"], ["LifeCycle"], ["Probe", "Status"], ["Assembly"],
                ["Commands", "VerifierKit"],
                ["Checkup"],
            ]),
        House(
            target: "Tests/TestSupport",
            floors: [["Basics"], ["Fuzzing"], ["Tokens"], ["HTTP", "Redis", "Stores"], ["Processes"]]),
    ]

    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct File {
        /// From the target on.
        let path: String
        /// Without comments and literals.
        let text: String

        var folder: String {
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            return folder.isEmpty ? "." : folder
        }

        /// The types that others can name.
        var types: [Substring] {
            let declaration =
                /(?m)^(?:(?:package|final|indirect|@\w+) )*(?:struct|class|enum|protocol|actor|typealias) (\w+)/
            return text.matches(of: declaration).map(\.1)
        }

        var words: Set<Substring> { Set(text.matches(of: /\b[A-Z]\w*/).map(\.0)) }
    }

    private static func files(of target: String) throws -> [File] {
        let folder = repository.appending(path: target)
        let paths = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { $0.hasSuffix(".swift") }.map { path in
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            return File(
                path: path,
                text: text.replacing(/\/\/.*/, with: "").replacing(/"(?:[^"\\\n]|\\.)*"/, with: "\"\""))
        }
    }

    /// Each use of a type of another folder, and whether it leads down.
    private static func arrows(in files: [File], _ floors: [[String]]) -> [(text: String, leadsDown: Bool)] {
        let level = Dictionary(
            uniqueKeysWithValues: floors.enumerated().flatMap { level, folders in folders.map { ($0, level) } })
        let owners = Dictionary(files.flatMap { file in file.types.map { ($0, file) } }) { first, _ in first }
        return files.flatMap { file in
            file.words.compactMap { word in
                guard let owner = owners[word], owner.folder != file.folder else { return nil }
                let leadsDown = (level[owner.folder] ?? .max) < (level[file.folder] ?? -1)
                return ("\(file.path) uses \(word) of \(owner.path)", leadsDown)
            }
        }
    }

    @Test(arguments: houses) func knowsOnlyWhatIsBelow(house: House) throws {
        let files = try Self.files(of: house.target)
        #expect(Set(files.map(\.folder)) == Set(house.floors.joined()), "every folder has its floor")
        let arrows = Self.arrows(in: files, house.floors)
        #expect(arrows.count > 10, "the test sees something")
        for arrow in arrows where !arrow.leadsDown { Issue.record("\(arrow.text)") }
    }

    @Test func noticesAnArrowThatLeadsUpOrAside() {
        let files = [
            File(path: "Low/A.swift", text: "struct A { let b: B }"),
            File(path: "High/B.swift", text: "struct B { let a: A; let c: C }"),
            File(path: "Beside/C.swift", text: "package final class C {}"),
        ]
        let arrows = Self.arrows(in: files, [["Low"], ["High", "Beside"]])
        #expect(
            arrows.filter { !$0.leadsDown }.map(\.text).sorted() == [
                "High/B.swift uses C of Beside/C.swift", "Low/A.swift uses B of High/B.swift",
            ])
        #expect(arrows.count == 3)
    }
}
