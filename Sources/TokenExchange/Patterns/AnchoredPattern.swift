/// A regular expression in extended POSIX syntax that must match a whole text. Compiled once; each match takes time
/// linear in the text, whatever the pattern, holds no lock, and keeps no state.
///
/// Not the C library's `regexec`, which keeps every state of its automaton, so that an attacker's texts make it grow
/// without bound (docs/decisions/patterns.md).
package struct AnchoredPattern: Sendable {
    /// As it was written.
    package let text: ExactText
    private let program: PatternProgram

    /// Length of the longest pattern, in bytes.
    package static let longest = 1000

    /// - Throws: what is wrong with `pattern`, for its author.
    package init(_ pattern: String) throws(PatternRefusal) {
        guard pattern.utf8.count <= Self.longest else {
            throw PatternRefusal("A pattern has at most \(Self.longest) bytes.")
        }
        text = ExactText(pattern)
        program = try PatternProgram(try PatternReader.tree(of: pattern))
    }

    /// Whether there is any text that matches.
    package var canMatch: Bool { program.canMatch }

    /// False for bytes that are not UTF-8.
    package func matches(_ text: ExactText) -> Bool { text.withUTF8(program.matches) }
}
