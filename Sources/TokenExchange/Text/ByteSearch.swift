/// Bytes compared and searched eight or sixteen at a time: a token has a thousand of them.
extension UnsafeBufferPointer<UInt8> {
    /// Whether these are the same bytes.
    func isEqual(to other: Self) -> Bool {
        guard count == other.count else { return false }
        var position = 0
        while let bytes = eightBytes(at: position) {
            guard bytes == other.eightBytes(at: position) else { return false }
            position += 8
        }
        while position < count {
            guard self[position] == other[position] else { return false }
            position += 1
        }
        return true
    }

    /// The same for the same bytes, and rarely for others. Nothing that has to be safe from attack may rely on that.
    var quickHash: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var position = 0
        while let bytes = eightBytes(at: position) {
            let product = (hash ^ bytes).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
            hash = product.high ^ product.low
            position += 8
        }
        while position < count {
            hash = (hash ^ UInt64(self[position])) &* 0x100_0000_01b3
            position += 1
        }
        return hash
    }

    /// Where the first `byte` is at or after `start`; nil if there is none.
    package func position(of byte: Unicode.Scalar, from start: Int) -> Int? {
        var position = start
        let wanted = SIMD16(repeating: UInt8(ascii: byte))
        while let bytes = sixteenBytes(at: position), !any(bytes .== wanted) { position += 16 }
        while let bytes = eightBytes(at: position) {
            let marks = bytes.marks(of: byte) & .each(0x80)
            if marks != 0 { return position + marks.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < count {
            if self[position] == UInt8(ascii: byte) { return position }
            position += 1
        }
        return nil
    }

    /// Nil if fewer than sixteen are left.
    @inline(__always)
    private func sixteenBytes(at position: Int) -> SIMD16<UInt8>? {
        guard count &- position >= 16, let start = baseAddress else { return nil }
        return UnsafeRawPointer(start).loadUnaligned(fromByteOffset: position, as: SIMD16<UInt8>.self)
    }

    /// The first byte is the lowest; nil if fewer than eight are left.
    @inline(__always)
    func eightBytes(at position: Int) -> UInt64? {
        guard count &- position >= 8, let start = baseAddress else { return nil }
        return UInt64(
            littleEndian: UnsafeRawPointer(start).loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }
}

extension UInt64 {
    /// Eight times the same byte.
    @inline(__always)
    static func each(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// Sets the highest bit of each byte that is `byte`, and perhaps of bytes above it, never of one below it. The other
    /// bits mean nothing.
    @inline(__always)
    func marks(of byte: Unicode.Scalar) -> UInt64 {
        let differences = self ^ .each(UInt8(ascii: byte))
        return (differences &- .each(1)) & ~differences
    }
}
