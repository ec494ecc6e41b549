/// Base64url without padding (RFC 4648 §5), canonical only: one text per value.
///
/// Padding, `+`, `/`, white space and non-zero trailing bits are refused (RFC 7515 §2), because a lax reader makes two
/// texts of one token.
package enum Base64URL {
    /// The bytes that `text` stands for, or nil where it is not canonical base64url.
    package static func decode(_ text: some RandomAccessCollection<UInt8>) -> [UInt8]? {
        let rest = text.count % 4
        guard rest != 1 else { return nil }
        var bytes = [UInt8]()
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var sextets = 0
        for character in text {
            let value = values[Int(character)]
            guard value < 64 else { return nil }
            bits = bits << 6 | UInt32(value)
            sextets += 1
            if sextets == 4 {
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
                sextets = 0
            }
        }
        switch rest {
        case 2:
            guard bits & 0xF == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
        case 3:
            guard bits & 0x3 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
        default: break
        }
        return bytes
    }

    /// How many characters `count` bytes take.
    package static func encodedCount(of count: Int) -> Int { (count * 4 + 2) / 3 }

    package static func append(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
        var bits: UInt32 = 0
        var octets = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            octets += 1
            if octets == 3 {
                text.append(alphabet[Int(bits >> 18 & 0x3F)])
                text.append(alphabet[Int(bits >> 12 & 0x3F)])
                text.append(alphabet[Int(bits >> 6 & 0x3F)])
                text.append(alphabet[Int(bits & 0x3F)])
                bits = 0
                octets = 0
            }
        }
        switch octets {
        case 1:
            text.append(alphabet[Int(bits >> 2 & 0x3F)])
            text.append(alphabet[Int(bits << 4 & 0x3F)])
        case 2:
            text.append(alphabet[Int(bits >> 10 & 0x3F)])
            text.append(alphabet[Int(bits >> 4 & 0x3F)])
            text.append(alphabet[Int(bits << 2 & 0x3F)])
        default: break
        }
    }

    package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text = [UInt8]()
        text.reserveCapacity(encodedCount(of: bytes.count))
        append(bytes, to: &text)
        return text
    }

    package static func string(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: encode(bytes), as: UTF8.self)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}
