/// Text at the end of bytes, without a string in between.
extension [UInt8] {
    /// Appends text of our own.
    package mutating func append(_ text: StaticString) { text.withUTF8Buffer { append(contentsOf: $0) } }

    /// Appends a number in decimal digits.
    package mutating func append(decimal number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var (first, rest) = (count, number.magnitude)
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        // The last digit came first.
        var last = count - 1
        while first < last {
            swapAt(first, last)
            (first, last) = (first + 1, last - 1)
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The number that at most 18 decimal digits are, perhaps after a minus; nil for any other text.
    var decimal: Int64? {
        let digits = first == UInt8(ascii: "-") ? dropFirst() : self[...]
        guard 1...18 ~= digits.count else { return nil }
        var magnitude: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            magnitude = magnitude * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return digits.count == count ? magnitude : -magnitude
    }
}
