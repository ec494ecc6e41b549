/// A regular expression in extended POSIX syntax that must match a whole text. Compiled once; each match takes time linear
/// in the text, whatever the pattern is, holds no lock, and leaves nothing behind.
///
/// Not the C library's `regexec`: that keeps every state of its automaton for ever, so that texts that somebody chooses make
/// it grow without bound (docs/decisions/patterns.md).
package struct AnchoredPattern: Sendable {
    private let program: PatternProgram

    /// In bytes.
    package static let longest = 1000

    /// - Throws: what is wrong with `pattern`, for whoever wrote it.
    package init(_ pattern: String) throws(PatternRefusal) {
        guard pattern.utf8.count <= Self.longest else {
            throw PatternRefusal("A pattern has at most \(Self.longest) bytes.")
        }
        program = try PatternProgram(try PatternReader.tree(of: pattern))
    }

    package func matches(_ text: ExactText) -> Bool { text.withUTF8(program.matches) }
}
