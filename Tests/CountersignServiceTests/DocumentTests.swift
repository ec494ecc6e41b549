import Foundation
import TestSupport
import Testing

/// What documents name is there.
@Suite struct DocumentTests {
    private static let root = URL(filePath: CountersignProcess.repository)

    /// Files of the repository, from its root on, without what builds and virtual environments leave behind.
    private static func files(_ suffix: String, in folder: String = "") -> [String] {
        let paths = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
        return (paths?.compactMap { $0 as? String } ?? []).filter { path in
            path.hasSuffix(suffix) && !path.split(separator: "/").contains { $0.hasPrefix(".") }
        }
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    // MARK: Links

    /// Without blocks of code, in which nothing is a link or a heading.
    private static func prose(_ path: String) throws -> [Substring] {
        var isCode = false
        return try text(path).split(separator: "\n").filter { line in
            if line.hasPrefix("```") { isCode.toggle() }
            return !isCode
        }
    }

    /// The anchors that a page's headings have on GitHub and in the site.
    private static func anchors(of path: String) throws -> Set<String> {
        Set(
            try prose(path).filter { $0.hasPrefix("#") }.map { heading in
                let words = heading.drop { $0 == "#" }.dropFirst().replacing(/\]\([^)]*\)/, with: "").lowercased()
                return String(
                    words.compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || "-_".contains($0) ? $0 : nil })
            })
    }

    @Test func leadsByEveryLinkToAFileAndAHeading() throws {
        let documents = Self.files(".md")
        #expect(documents.contains("README.md") && documents.contains("docs/errors.md"))
        var count = 0
        for document in documents {
            for line in try Self.prose(document) {
                for link in line.matches(of: /\]\(([^)\s:]+)\)/).map(\.1) {
                    count += 1
                    let parts = link.split(separator: "#", omittingEmptySubsequences: false)
                    let folder = Self.root.appending(path: document).deletingLastPathComponent()
                    let target =
                        parts[0].isEmpty
                        ? document
                        : String(folder.appending(path: parts[0]).standardized.path.dropFirst(Self.root.path.count + 1))
                    let isThere = FileManager.default.fileExists(atPath: Self.root.appending(path: target).path)
                    #expect(isThere, "\(document): \(link)")
                    guard isThere, parts.count == 2 else { continue }
                    #expect(try Self.anchors(of: target).contains(String(parts[1])), "\(document): \(link)")
                }
            }
        }
        #expect(count > 300)
    }

    // MARK: Lists of documents

    @Test(arguments: ["docs/README.md", "site/mkdocs.yml"]) func listsEveryDocument(list: String) throws {
        let text = try Self.text(list)
        let documents = Self.files(".md", in: "docs").filter { $0 != "README.md" }
        #expect(documents.contains("errors.md"))
        for document in documents where !document.hasPrefix("decisions/") || list.hasPrefix("site/") {
            #expect(text.contains(list.hasPrefix("site/") ? " docs/\(document)\n" : "(\(document))"), "\(document)")
        }
    }

    // MARK: Tests

    /// Suites by their names, each with the text of all files that have one of that name.
    private static func suites() throws -> [String: String] {
        var suites: [String: String] = [:]
        for file in files(".swift", in: "Tests") {
            let text = try text("Tests/\(file)")
            for suite in text.matches(of: /(?:struct|extension|class) (\w+Tests)\b/).map({ String($0.1) }) {
                suites[suite, default: ""] += text
            }
        }
        return suites
    }

    @Test(arguments: [
        ("docs/threat-model.md", "## Attacks and defences", 3), ("docs/compatibility.md", "## What is promised", 4),
    ])
    func namesATestThatExistsForEachRow(document: String, heading: String, columns: Int) throws {
        let suites = try Self.suites()
        let rows = try DocumentTable(under: heading, of: document).rows
        #expect(rows.count > 10)
        for row in rows {
            #expect(row.count == columns, "\(row[0])")
            for name in DocumentTable.plain(row.last ?? "").components(separatedBy: ", ") {
                let parts = name.split(separator: "/").map(String.init)
                let suite = suites[parts[0]]
                #expect(
                    suite?.contains(" func \(parts.last ?? "")(") ?? false || (suite != nil && parts.count == 1),
                    "\(name)")
            }
        }
    }
}
