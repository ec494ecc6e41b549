/// Base64url without padding (RFC 4648 §5), canonical only: one text per value.
///
/// Padding, `+`, `/`, white space and non-zero trailing bits are refused (RFC 7515 §2), because a lax reader would
/// accept two texts for one token.
package enum Base64URL {
    /// The bytes that `text` encodes, or nil if it is not canonical base64url.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let (wholes, rest) = text.count.quotientAndRemainder(dividingBy: 4)
        guard rest != 1 else { return nil }
        let count = wholes * 3 + max(rest - 1, 0)
        return withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { bytes in
            text.withUnsafeBufferPointer { decode($0, to: bytes) } ? Array(bytes) : nil
        }
    }

    /// - Parameter bytes: as long as the decoded text.
    /// - Returns: whether `text` is canonical.
    private static func decode(_ text: UnsafeBufferPointer<UInt8>, to bytes: UnsafeMutableRawBufferPointer) -> Bool {
        values.withUnsafeBufferPointer { values in
            /// The bits of a character at its place in a group of four.
            func bits(_ position: Int, at place: Int) -> UInt32 { values[place &* 256 &+ Int(text[position])] }
            var (position, count, seen) = (0, 0, UInt32(0))
            // Writes a byte too many, which the next group overwrites.
            let lastStart = bytes.count - 4
            while count <= lastStart {
                let group =
                    bits(position, at: 0) | bits(position &+ 1, at: 1) | bits(position &+ 2, at: 2)
                    | bits(position &+ 3, at: 3)
                seen |= group
                bytes.storeBytes(of: group.littleEndian, toByteOffset: count, as: UInt32.self)
                position &+= 4
                count &+= 3
            }
            // The last two, three or four characters.
            var group: UInt32 = 0
            for place in 0..<(text.count - position) { group |= bits(position + place, at: place) }
            while count < bytes.count {
                bytes[count] = UInt8(truncatingIfNeeded: group)
                group >>= 8
                count += 1
            }
            // Bits that count for nothing must be zero.
            return seen < noCharacter && group == 0
        }
    }

    /// The same for an array.
    package static func decode(_ text: [UInt8]) -> [UInt8]? { decode(text[...]) }

    /// How many characters encode `count` bytes.
    package static func encodedCount(of count: Int) -> Int { (count * 4 + 2) / 3 }

    /// Appends the encoded form of `bytes`.
    package static func append(_ bytes: [UInt8], to text: inout [UInt8]) { append(bytes[...], to: &text) }

    /// The same for a part of an array.
    package static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: encodedCount(of: bytes.count), alignment: 1) { encoded in
            bytes.withUnsafeBufferPointer { encode($0, to: encoded) }
            text.append(contentsOf: encoded)
        }
    }

    /// - Parameter text: as long as the encoded bytes.
    private static func encode(_ bytes: UnsafeBufferPointer<UInt8>, to text: UnsafeMutableRawBufferPointer) {
        var (read, written) = (0, 0)
        pairs.withUnsafeBufferPointer { pairs in
            /// Writes two characters, of the last 12 bits.
            func write(_ bits: UInt64, _ place: Int) {
                text.storeBytes(of: pairs[Int(bits & 0xFFF)], toByteOffset: written &+ place, as: UInt16.self)
            }
            // Six bytes of eight are eight characters.
            while let bits = bytes.eightBytes(at: read)?.byteSwapped {
                write(bits >> 52, 0)
                write(bits >> 40, 2)
                write(bits >> 28, 4)
                write(bits >> 16, 6)
                read &+= 6
                written &+= 8
            }
        }
        // Less than eight bytes are left: eight with zeros after them.
        var rest: UInt64 = 0
        for (place, byte) in bytes[read...].enumerated() { rest |= UInt64(byte) << (56 - 8 * place) }
        while written < text.count {
            text[written] = alphabet.utf8Start[Int(rest >> 58)]
            rest <<= 6
            written += 1
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
    static func isCharacter(_ byte: UInt8) -> Bool { values[Int(byte)] < noCharacter }

    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// Above the 24 bits of a group.
    private static let noCharacter: UInt32 = 1 << 24

    /// What each byte means at the first, second, third and fourth place of a group: the character's bits where they are
    /// in the group, whose first byte is the lowest; or ``noCharacter``.
    private static let values: [UInt32] = {
        var values = [UInt32](repeating: noCharacter, count: 4 * 256)
        for place in 0..<4 {
            for value in 0..<64 {
                values[place * 256 + Int(alphabet.utf8Start[value])] =
                    (UInt32(value) << (26 - 6 * place)).byteSwapped
            }
        }
        return values
    }()

    /// The two characters of each 12 bits, as they lie in memory.
    private static let pairs = (0..<4096).map { bits in
        UInt16(littleEndian: UInt16(alphabet.utf8Start[bits >> 6]) | UInt16(alphabet.utf8Start[bits & 0x3F]) << 8)
    }
}
