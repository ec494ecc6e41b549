import Foundation
import TestSupport

/// A table of a document, which tests compare with the program.
struct DocumentTable {
    /// The cells of each row, without the head.
    let rows: [[String]]

    /// The first table under `heading`.
    /// - Parameter document: from the repository's root on, such as `docs/errors.md`.
    init(under heading: String, of document: String) throws {
        let text = try String(contentsOfFile: "\(CountersignProcess.repository)/\(document)", encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let section = lines.drop { $0 != heading }.dropFirst().prefix { !$0.hasPrefix("#") }
        rows = section.drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
        }
    }

    /// The first cell of each row, as the program would say it.
    var names: [String] { rows.map { Self.plain($0[0]) } }

    /// A cell without what Markdown adds.
    static func plain(_ cell: String) -> String { cell.replacing("`", with: "") }
}
