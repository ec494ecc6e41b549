/// Text from outside, compared by its bytes (RFC 7519 §7.3, RFC 8259 §8.3): configuration, tokens, key sets, requests.
///
/// Swift's `String` takes two texts for equal that Unicode calls canonically equivalent, so that a composed `é` in the
/// configuration would let a decomposed one in a token pass. This type has no such comparison: equality, hash and order
/// are those of the UTF-8 bytes. A text cut out of a larger one shares its memory; ``detached`` gives it memory of its own.
package struct ExactText: Sendable {
    private enum Storage: Sendable {
        case literal(StaticString)
        case bytes(ArraySlice<UInt8>)
    }

    private let storage: Storage

    /// - Parameter bytes: UTF-8; what is none is shown as U+FFFD, and compared as it is.
    package init(bytes: ArraySlice<UInt8>) {
        storage = .bytes(bytes)
    }

    package init(bytes: [UInt8]) {
        self.init(bytes: bytes[...])
    }

    package init(_ text: some StringProtocol) {
        self.init(bytes: Array(text.utf8))
    }

    /// The UTF-8 bytes, for as long as `body` runs.
    package func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        switch storage {
        case .literal(let text): text.withUTF8Buffer(body)
        case .bytes(let bytes): bytes.withUnsafeBufferPointer(body)
        }
    }

    /// In bytes.
    package var count: Int {
        switch storage {
        case .literal(let text): text.utf8CodeUnitCount
        case .bytes(let bytes): bytes.count
        }
    }

    package var isEmpty: Bool { count == 0 }

    package var bytes: [UInt8] { withUTF8 { Array($0) } }

    /// The same text, for whoever keeps it longer than the document it was cut from.
    package var detached: ExactText { ExactText(bytes: bytes) }
}

extension ExactText: Hashable, Comparable {
    package static func == (left: ExactText, right: ExactText) -> Bool {
        left.count == right.count && left.withUTF8 { left in right.withUTF8 { left.elementsEqual($0) } }
    }

    package func hash(into hasher: inout Hasher) {
        withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // No byte of UTF-8: where this text ends, and the next one begins.
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
    package func hasPrefix(_ prefix: StaticString) -> Bool {
        withUTF8 { text in prefix.withUTF8Buffer { text.starts(with: $0) } }
    }

    /// With `A` to `Z` in lower case, and nothing else changed.
    package var lowercasedASCII: ExactText {
        ExactText(bytes: bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 })
    }

    /// For people: quoted, on one line, in printable ASCII, and cut where it is long.
    package var excerpt: String {
        let shown = String(self).unicodeScalars.prefix(40).map { scalar in
            ("!"..."~").contains(scalar) || scalar == " " ? String(scalar) : scalar.escaped(asASCII: true)
        }
        return "\"\(shown.joined())\(shown.count < String(self).unicodeScalars.count ? "…" : "")\""
    }

    /// What stands between blanks, as in `scope` (RFC 6749 §3.3).
    package var words: [ExactText] { bytes.split(separator: UInt8(ascii: " ")).map { ExactText(bytes: $0) } }
}
