/// Base64url without padding (RFC 4648 §5), canonical only: one text per value.
///
/// Padding, `+`, `/`, white space and non-zero trailing bits are refused (RFC 7515 §2), because a lax reader would
/// accept two texts for one token.
package enum Base64URL {
    /// The bytes that `text` encodes, or nil if it is not canonical base64url.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let (wholes, rest) = text.count.quotientAndRemainder(dividingBy: 4)
        guard rest != 1 else { return nil }
        var seen: UInt8 = 0
        var unusedBits: UInt32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wholes * 3 + 2) { bytes, count in
            text.withUnsafeBufferPointer { text in
                values.withUnsafeBufferPointer { values in
                    /// The 24 bits of the four characters from `position` on; of `count` if there are fewer.
                    func bits(at position: Int, count: Int = 4) -> UInt32 {
                        let (first, second) = (values[Int(text[position])], values[Int(text[position + 1])])
                        let third = count > 2 ? values[Int(text[position + 2])] : 0
                        let fourth = count > 3 ? values[Int(text[position + 3])] : 0
                        seen |= first | second | third | fourth
                        return UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth)
                    }
                    for whole in 0..<wholes {
                        let group = bits(at: whole &* 4)
                        bytes[whole &* 3] = UInt8(truncatingIfNeeded: group >> 16)
                        bytes[whole &* 3 &+ 1] = UInt8(truncatingIfNeeded: group >> 8)
                        bytes[whole &* 3 &+ 2] = UInt8(truncatingIfNeeded: group)
                    }
                    count = wholes * 3
                    // Two characters carry 12 bits for one byte, three carry 18 for two; the rest must be zero.
                    guard rest > 0 else { return }
                    let group = bits(at: wholes * 4, count: rest)
                    bytes[count] = UInt8(truncatingIfNeeded: group >> 16)
                    bytes[count + 1] = UInt8(truncatingIfNeeded: group >> 8)
                    count += rest - 1
                    unusedBits = group & (rest == 2 ? 0xFFFF : 0xFF)
                }
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
            bytes.withUnsafeBufferPointer { bytes in
                let alphabet = alphabet.utf8Start
                var (position, read) = (start, 0)
                while read + 3 <= bytes.count {
                    let group = Int(bytes[read]) << 16 | Int(bytes[read + 1]) << 8 | Int(bytes[read + 2])
                    text[position] = alphabet[group >> 18]
                    text[position + 1] = alphabet[group >> 12 & 0x3F]
                    text[position + 2] = alphabet[group >> 6 & 0x3F]
                    text[position + 3] = alphabet[group & 0x3F]
                    (position, read) = (position + 4, read + 3)
                }
                guard read < bytes.count else { return }
                let hasTwo = read + 2 == bytes.count
                let group = Int(bytes[read]) << 16 | (hasTwo ? Int(bytes[read + 1]) << 8 : 0)
                text[position] = alphabet[group >> 18]
                text[position + 1] = alphabet[group >> 12 & 0x3F]
                if hasTwo { text[position + 2] = alphabet[group >> 6 & 0x3F] }
            }
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
