extension FixedWidthInteger {
    /// All of its digits, in lower case.
    package var paddedHexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
    }
}
