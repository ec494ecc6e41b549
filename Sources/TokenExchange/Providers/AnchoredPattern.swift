import Synchronization

/// A regular expression that must match a whole string. Compiled once.
package final class AnchoredPattern: Sendable {
    /// `Regex` is not `Sendable`; the lock makes it so.
    private let regex: Mutex<Regex<AnyRegexOutput>>

    /// - Throws: the compiler's complaint about `pattern`.
    package init(_ pattern: String) throws {
        regex = Mutex(try Regex(pattern))
    }

    package func matches(_ text: ExactText) -> Bool {
        regex.withLock { regex in (try? regex.wholeMatch(in: String(text))) != nil }
    }
}
