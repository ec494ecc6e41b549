import TokenExchange

/// Classes of bytes in HTTP (RFC 9110 §5.6.2) and in URIs (RFC 3986 §2).
enum ASCII {
    /// A letter in lower case; any other byte as it is.
    static func lowercased(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }

    /// - Parameter other: in lower case.
    static func isEqual(_ bytes: some Collection<UInt8>, lowercased other: String.UTF8View) -> Bool {
        guard bytes.count == other.count else { return false }
        // A string's iterator costs several times as much as its bytes.
        let other = other.span
        var position = 0
        for byte in bytes {
            guard lowercased(byte) == other[position] else { return false }
            position += 1
        }
        return true
    }

    /// A blank or a tab.
    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// A decimal digit.
    static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

    /// Allowed in a field's name.
    static func isToken(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case _ where isAlphanumeric(byte): true
        case "!", "#", "$", "%", "&", "'", "*", "+", "-", ".", "^", "_", "`", "|", "~": true
        default: false
        }
    }

    /// Allowed in a field's value: visible characters, blanks, tabs, and any byte beyond ASCII.
    static func isFieldValue(_ byte: UInt8) -> Bool { byte == 0x09 || byte >= 0x20 && byte != 0x7F }

    /// Allowed in a request target: visible characters, and any byte beyond ASCII.
    static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x7F }

    /// Means the same with and without percent encoding (RFC 3986 §2.3).
    static func isUnreserved(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case _ where isAlphanumeric(byte): true
        case "-", ".", "_", "~": true
        default: false
        }
    }

    /// Allowed in a registered name, apart from percent encodings (RFC 3986 §3.2.2).
    static func isHostName(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case _ where isUnreserved(byte): true
        case "!", "$", "&", "'", "(", ")", "*", "+", ",", ";", "=": true
        default: false
        }
    }

    /// The value of a hexadecimal digit; nil for any other byte.
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool { 0x61...0x7A ~= lowercased(byte) || isDigit(byte) }
}

extension Slice<UnsafeRawBufferPointer> {
    /// As in any collection, but several bytes at a time.
    func firstIndex(of byte: UInt8) -> Int? {
        let bytes = UnsafeRawBufferPointer(rebasing: self).assumingMemoryBound(to: UInt8.self)
        return bytes.position(of: Unicode.Scalar(byte), from: 0).map { startIndex + $0 }
    }
}
