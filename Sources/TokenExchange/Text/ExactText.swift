/// Text from outside, compared by its bytes (RFC 7519 §7.3, RFC 8259 §8.3): configuration, tokens, key sets, requests.
///
/// To Swift's `String`, texts that Unicode calls canonically equivalent are equal, so that a composed `é` in the
/// configuration would match a decomposed one in a token. Here equality, hash and order are those of the UTF-8 bytes.
/// A text that was cut out of a larger one shares its memory; ``detached`` copies it.
package struct ExactText: Sendable {
    /// Four words with its tag, so that it is passed in registers; an `ArraySlice` would take five.
    private enum Storage: Sendable {
        case literal(StaticString)
        case bytes([UInt8], Range<Int>)
    }

    private let storage: Storage

    /// - Parameter bytes: UTF-8; anything else is shown as U+FFFD, but compared as it is.
    package init(bytes: [UInt8]) {
        self.init(bytes: bytes, bytes.indices)
    }

    /// The same for a part of them.
    package init(bytes: [UInt8], _ range: Range<Int>) {
        storage = .bytes(bytes, range)
    }

    /// A copy of a slice.
    package init(bytes: ArraySlice<UInt8>) {
        self.init(bytes: Array(bytes))
    }

    /// The UTF-8 of `text`.
    package init(_ text: some StringProtocol) {
        self.init(bytes: Array(text.utf8))
    }

    /// The UTF-8 bytes, for as long as `body` runs.
    package func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        switch storage {
        case .literal(let text): text.withUTF8Buffer(body)
        case .bytes(let bytes, let range):
            bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
        }
    }

    /// In bytes.
    package var count: Int {
        switch storage {
        case .literal(let text): text.utf8CodeUnitCount
        case .bytes(_, let range): range.count
        }
    }

    package var isEmpty: Bool { count == 0 }

    /// In Unicode scalars: each begins with a byte that continues no other (RFC 3629 §3).
    package var scalarCount: Int { withUTF8 { $0.count { $0 & 0xC0 != 0x80 } } }

    package var bytes: [UInt8] { withUTF8 { Array($0) } }

    /// Appends the bytes to `others`.
    package func append(to others: inout [UInt8]) {
        withUTF8 { others.append(contentsOf: $0) }
    }

    /// A copy that does not keep the document it was cut from in memory.
    package var detached: ExactText { ExactText(bytes: bytes) }
}

extension ExactText: Hashable, Comparable {
    package static func == (left: ExactText, right: ExactText) -> Bool {
        left.count == right.count && left.withUTF8 { right.isEqual(to: $0) }
    }

    /// Whether these are its bytes.
    package func isEqual(to bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        withUTF8 { $0.isEqual(to: bytes) }
    }

    package func hash(into hasher: inout Hasher) {
        withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // Never a byte of UTF-8: separates this text from the next one.
        hasher.combine(0xFF as UInt8)
    }

    package static func < (left: ExactText, right: ExactText) -> Bool {
        left.withUTF8 { left in right.withUTF8 { left.lexicographicallyPrecedes($0) } }
    }
}

extension ExactText: ExpressibleByStringLiteral {
    /// Allocates nothing.
    package init(stringLiteral text: StaticString) {
        storage = .literal(text)
    }
}

extension ExactText: LosslessStringConvertible {
    package var description: String { withUTF8 { String(decoding: $0, as: UTF8.self) } }
}

extension ExactText {
    /// Compares bytes.
    package func hasPrefix(_ prefix: ExactText) -> Bool {
        withUTF8 { text in
            prefix.withUTF8 { $0.isEqual(to: UnsafeBufferPointer(rebasing: text.prefix($0.count))) }
        }
    }

    /// The text without its first `count` bytes, in the same memory.
    package func dropFirst(_ count: Int) -> ExactText {
        switch storage {
        case .literal: ExactText(bytes: bytes.dropFirst(count))
        case .bytes(let bytes, let range): ExactText(bytes: bytes, range.dropFirst(count))
        }
    }

    /// The text with `A` to `Z` in lower case, and nothing else changed.
    package var lowercasedASCII: ExactText {
        ExactText(bytes: bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 })
    }

    /// For people: quoted, on one line, in printable ASCII, and cut after 40 characters.
    package var excerpt: String {
        let shown = String(self).unicodeScalars.prefix(40).map { scalar in
            ("!"..."~").contains(scalar) || scalar == " " ? String(scalar) : scalar.escaped(asASCII: true)
        }
        return "\"\(shown.joined())\(shown.count < String(self).unicodeScalars.count ? "…" : "")\""
    }

    /// The words between spaces, as in `scope` (RFC 6749 §3.3).
    package var words: [ExactText] {
        let bytes = bytes
        return bytes.split(separator: UInt8(ascii: " ")).map { ExactText(bytes: bytes, $0.indices) }
    }
}
