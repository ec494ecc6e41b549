/// The exact decimal value of a number of any size: `1`, `1.0`, `1e0` and `10e-1` are the same number, `-0` is `0`, and
/// 9007199254740993 is not 9007199254740992, as it would be for a `Double`.
package struct ExactNumber: Sendable, Equatable {
    private let isNegative: Bool
    /// Decimal digits without zeros at either end; none for zero.
    private let digits: ArraySlice<UInt8>
    /// The value is 0.`digits` times ten to this.
    private let exponent: Int

    /// Nil if the exponent has more than 18 characters, which no meaningful number needs.
    ///
    /// - Parameter literal: a number by RFC 8259 §6.
    package init?(_ literal: ExactText) {
        var rest = literal.bytes[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        let mantissa = rest.prefix { $0 | 0x20 != UInt8(ascii: "e") }
        let integer = mantissa.prefix { $0 != UInt8(ascii: ".") }
        let power = rest.dropFirst(mantissa.count + 1)
        guard power.count <= Self.longestPower else { return nil }
        self.init(
            isNegative: isNegative, digits: integer + mantissa.dropFirst(integer.count + 1),
            exponent: integer.count + (Int(String(decoding: power, as: UTF8.self)) ?? 0))
    }

    /// For bounds, which are written as integers.
    package init(_ integer: Int) {
        let digits = Array(String(integer.magnitude).utf8)
        self.init(isNegative: integer < 0, digits: digits[...], exponent: digits.count)
    }

    private init(isNegative: Bool, digits written: ArraySlice<UInt8>, exponent: Int) {
        let significant = written.drop { $0 == UInt8(ascii: "0") }
        let last = significant.lastIndex { $0 != UInt8(ascii: "0") }
        digits = last.map { significant[...$0] } ?? []
        self.isNegative = isNegative && last != nil
        self.exponent = last == nil ? 0 : exponent - (written.count - significant.count)
    }

    /// In characters, including the sign; such a power cannot overflow an `Int`.
    private static let longestPower = 18
}

extension ExactNumber: Comparable {
    package static func < (left: ExactNumber, right: ExactNumber) -> Bool {
        if left.sign != right.sign { return left.sign < right.sign }
        return left.sign < 0 ? right.isNearerToZero(than: left) : left.isNearerToZero(than: right)
    }

    private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }

    /// - Parameter other: of the same sign.
    private func isNearerToZero(than other: ExactNumber) -> Bool {
        exponent == other.exponent ? digits.lexicographicallyPrecedes(other.digits) : exponent < other.exponent
    }
}
