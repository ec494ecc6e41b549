/// The two encodings of an ECDSA signature: R‖S of RFC 7518 §3.4, and the DER of RFC 3279 §2.2.3 that OpenSSL uses.
enum ECDSASignature {
    /// How many bytes DER may be longer than R‖S: a head of three bytes, and for each number a head of two and a zero.
    static let maximumOverhead = 9

    /// The DER of an R‖S of any even length. OpenSSL checks that the numbers are in range.
    static func der(raw: [UInt8]) -> [UInt8] {
        let half = raw.count / 2
        let (r, s) = (magnitude(raw[..<half]), magnitude(raw[half...]))
        let contentCount = encodedCount(r) + encodedCount(s)
        var der = [UInt8]()
        der.reserveCapacity(contentCount + 3)
        der.append(0x30)
        if contentCount >= 0x80 { der.append(0x81) }
        der.append(UInt8(contentCount))
        append(r, to: &der)
        append(s, to: &der)
        return der
    }

    /// R‖S with `coordinateCount` bytes each, or nil if `der` is not a signature of such a curve.
    static func raw(der: some RandomAccessCollection<UInt8>, coordinateCount: Int) -> [UInt8]? {
        var rest = der[...]
        guard rest.popFirst() == 0x30, var count = rest.popFirst() else { return nil }
        if count == 0x81, let long = rest.popFirst() { count = long }
        guard rest.count == Int(count) else { return nil }
        var raw = [UInt8]()
        raw.reserveCapacity(2 * coordinateCount)
        for _ in 0..<2 {
            guard rest.popFirst() == 0x02, let count = rest.popFirst(), rest.count >= Int(count) else { return nil }
            let number = rest.prefix(Int(count)).drop { $0 == 0 }
            guard number.count <= coordinateCount else { return nil }
            raw.append(contentsOf: repeatElement(0, count: coordinateCount - number.count))
            raw.append(contentsOf: number)
            rest = rest.dropFirst(Int(count))
        }
        return rest.isEmpty ? raw : nil
    }

    private static func magnitude(_ number: ArraySlice<UInt8>) -> ArraySlice<UInt8> { number.drop { $0 == 0 } }

    /// DER integers are signed: a leading zero keeps a set top bit from meaning minus. The number 0 is just that zero.
    private static func needsZero(_ magnitude: ArraySlice<UInt8>) -> Bool { magnitude.first ?? 0x80 >= 0x80 }

    private static func encodedCount(_ magnitude: ArraySlice<UInt8>) -> Int {
        2 + (needsZero(magnitude) ? 1 : 0) + magnitude.count
    }

    private static func append(_ magnitude: ArraySlice<UInt8>, to der: inout [UInt8]) {
        der.append(0x02)
        der.append(UInt8(encodedCount(magnitude) - 2))
        if needsZero(magnitude) { der.append(0) }
        der.append(contentsOf: magnitude)
    }
}
