/// Encodings other than UTF-8 that can be recognized by a text's first bytes. Some editors and some shells'
/// redirections write them without being asked.
package enum TextEncoding: String, Sendable {
    case utf16 = "UTF-16"
    case utf32 = "UTF-32"

    /// Looks for a byte order mark, or for zeros next to an ASCII character. Nil for UTF-8, and for encodings that show
    /// neither, such as Latin-1.
    package init?(of bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(4))
        let zeros = head.map { $0 == 0 }
        if zeros.starts(with: [true, true]) || zeros.dropFirst(2) == [true, true] {
            self = .utf32
        } else if [[0xFF, 0xFE], [0xFE, 0xFF]].contains(head.prefix(2))
            || zeros.starts(with: [true, false]) || zeros.starts(with: [false, true])
        {
            self = .utf16
        } else {
            return nil
        }
    }
}

extension Collection<UInt8> {
    /// The bytes without the mark (U+FEFF) that some editors put before UTF-8.
    package var withoutByteOrderMark: SubSequence {
        starts(with: [0xEF, 0xBB, 0xBF]) ? dropFirst(3) : self[...]
    }
}
