import BlockingWork
import Glibc
import TokenExchange
import Yams

/// A file as a YAML tree. Anchors, aliases and further documents, which make a file hard to read, are refused.
struct YAMLDocument {
    /// A file with a thousand tenants is far smaller.
    static let maximumBytes = 1 << 20

    let root: Node

    /// Nil, and reported to `pass`, if the file cannot be read as such a document.
    init?(reading pass: ReadingPass) {
        do {
            let contents =
                try pass.contents
                ?? FileContents.read(pass.documentPath, limit: Self.maximumBytes, mayBePipe: true)
            guard let text = Self.text(contents, pass) else { return nil }
            let parser = try Parser(yaml: text, encoding: .utf8)
            guard let root = try parser.singleRoot() else {
                throw Complaint(expected: "a mapping", found: "an empty file")
            }
            // A node's anchor lives only as long as its parser.
            let isPlain = withExtendedLifetime(parser) { Self.isPlain(root, pass) }
            guard isPlain else { return nil }
            self.root = root
        } catch let failure as FileFailure {
            pass.report(
                Complaint(expected: failure.expected, found: failure.found, remedy: Self.remedy(for: failure)).message,
                place: nil)
            return nil
        } catch let complaint as Complaint {
            pass.report(complaint.message, place: nil)
            return nil
        } catch let error as YamlError {
            pass.report(error)
            return nil
        } catch {
            pass.report("expected a YAML document, found something that cannot be read.", place: nil)
            return nil
        }
    }

    private static func remedy(for failure: FileFailure) -> String? {
        switch failure.code {
        case ENOENT: "Name the file with --config, or make a first one: `countersign init --config FILE`."
        case EACCES: "Let the user who runs this read it, by its group (chgrp, chmod 640), and enter its folder."
        default: nil
        }
    }

    /// Nil, and reported, if the file is not UTF-8.
    private static func text(_ contents: [UInt8], _ pass: ReadingPass) -> String? {
        let bytes = contents.withoutByteOrderMark
        let encoding = TextEncoding(of: bytes)
        if encoding == nil, let text = String(validating: bytes, as: UTF8.self) { return text }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let line = encoding == nil ? lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } : nil
        let complaint = Complaint(
            expected: "text in UTF-8",
            found: encoding.map { "text in \($0.rawValue)" } ?? "bytes of another encoding, such as Latin-1",
            remedy: "Save the file as UTF-8.")
        pass.report(complaint.message, place: line.map { ReadingPass.Place(line: $0 + 1, column: 1) })
        return nil
    }

    /// Reports anchors. Does not descend into an anchored node, so a tree that aliases make huge costs nothing.
    private static func isPlain(_ node: Node, _ pass: ReadingPass) -> Bool {
        if node.anchor != nil {
            let complaint = Complaint(
                expected: "a document without anchors and aliases", found: "an anchor",
                remedy: "Write the value out at each place.")
            pass.report(complaint.message, place: node.mark.map(ReadingPass.Place.init))
            return false
        }
        switch node {
        case .scalar, .alias: return true
        case .sequence(let elements): return elements.allSatisfy { isPlain($0, pass) }
        case .mapping(let pairs): return pairs.allSatisfy { isPlain($0.key, pass) && isPlain($0.value, pass) }
        }
    }
}

extension ReadingPass {
    /// Uses only Yams' own words: its descriptions quote the file, which may contain secrets.
    fileprivate func report(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let words = [context?.text, problem].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", ")
            notYAML(words, line: mark.line, column: mark.column)
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0)
            notYAML(problem, line: before.count { $0.isNewline } + 1, column: 1)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { excerpt(of: $0) }.joined(separator: ", ")
            let complaint = Complaint(
                expected: "each key of a mapping once", found: "\(names) here and again further down",
                remedy: "Remove one of the two.")
            report(complaint.message, place: Place(context.mark))
        default:
            notYAML("something that cannot be read", line: 1, column: 1)
        }
    }

    private func notYAML(_ words: String, line: Int, column: Int) {
        let complaint = Complaint(
            expected: "YAML", found: "a syntax error: \(words)",
            remedy: "Look at this line and the one above it: indentation, quotes, brackets.")
        report(complaint.message, place: Place(line: line, column: column))
    }
}
