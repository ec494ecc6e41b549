/// Base64url without padding (RFC 4648 §5), canonical only: one text per value.
///
/// Padding, `+`, `/`, white space and non-zero trailing bits are refused (RFC 7515 §2), because a lax reader would
/// accept two texts for one token.
package enum Base64URL {
    /// The bytes that `text` encodes, or nil if it is not canonical base64url.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let (wholes, rest) = text.count.quotientAndRemainder(dividingBy: 4)
        guard rest != 1 else { return nil }
        let values = values
        var seen: UInt8 = 0
        var unusedBits: UInt32 = 0
        let bytes = text.withUnsafeBufferPointer { text in
            func number(at position: Int, count: Int) -> UInt32 {
                var bits: UInt32 = 0
                for character in text[position..<(position + count)] {
                    let value = values[Int(character)]
                    seen |= value
                    bits = bits << 6 | UInt32(value & 0x3F)
                }
                return bits
            }
            return [UInt8](unsafeUninitializedCapacity: wholes * 3 + 2) { bytes, count in
                for whole in 0..<wholes {
                    let bits = number(at: whole * 4, count: 4)
                    bytes[count] = UInt8(truncatingIfNeeded: bits >> 16)
                    bytes[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                    bytes[count + 2] = UInt8(truncatingIfNeeded: bits)
                    count += 3
                }
                // Two characters carry 12 bits for one byte, three carry 18 for two; the rest must be zero.
                guard rest > 0 else { return }
                let bits = number(at: wholes * 4, count: rest) << (rest == 2 ? 12 : 6)
                bytes[count] = UInt8(truncatingIfNeeded: bits >> 16)
                bytes[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                count += rest - 1
                unusedBits = bits & (rest == 2 ? 0xFFFF : 0xFF)
            }
        }
        return seen < 64 && unusedBits == 0 ? bytes : nil
    }

    /// The same for an array.
    package static func decode(_ text: [UInt8]) -> [UInt8]? { decode(text[...]) }

    /// How many characters encode `count` bytes.
    package static func encodedCount(of count: Int) -> Int { (count * 4 + 2) / 3 }

    /// Appends the encoded form of `bytes`.
    package static func append(_ bytes: [UInt8], to text: inout [UInt8]) { append(bytes[...], to: &text) }

    /// The same for a part of an array.
    package static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        let start = text.count
        text.append(contentsOf: repeatElement(0, count: encodedCount(of: bytes.count)))
        text.withUnsafeMutableBufferPointer { text in
            var (position, bits, bitCount) = (start, UInt32(0), 0)
            for byte in bytes {
                bits = bits << 8 | UInt32(byte)
                bitCount += 8
                while bitCount >= 6 {
                    bitCount -= 6
                    text[position] = alphabet.utf8Start[Int(bits >> bitCount & 0x3F)]
                    position += 1
                }
            }
            if bitCount > 0 { text[position] = alphabet.utf8Start[Int(bits << (6 - bitCount) & 0x3F)] }
        }
    }

    /// `bytes`, encoded, as ASCII.
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text = [UInt8]()
        append(bytes, to: &text)
        return text
    }

    /// The UTF-8 of `text`, encoded, as ASCII.
    package static func encode(_ text: String) -> [UInt8] { encode(Array(text.utf8)) }

    /// `bytes`, encoded.
    package static func text(_ bytes: [UInt8]) -> ExactText { ExactText(bytes: encode(bytes)) }

    /// Whether `byte` is one of the 64 characters.
    static func isCharacter(_ byte: UInt8) -> Bool { values[Int(byte)] < 64 }

    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// The six bits of each character of the alphabet; 0x80 for any other byte.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0x80, count: 256)
        for value in 0..<64 { values[Int(alphabet.utf8Start[value])] = UInt8(value) }
        return values
    }()
}
