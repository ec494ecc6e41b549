/// An IPv4 or IPv6 address.
///
/// An IPv4 address is stored as its IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), so that both spellings are equal.
package struct IPAddress: Hashable, Sendable {
    /// The first group is the most significant.
    package let bits: UInt128

    package init(bits: UInt128) {
        self.bits = bits
    }

    /// - Parameter bits: the first of the four decimals is the most significant byte.
    package init(ipv4 bits: UInt32) {
        self.init(bits: 0xFFFF << 32 | UInt128(bits))
    }

    package var isIPv4: Bool { bits >> 32 == 0xFFFF }
}

// MARK: - Text

extension IPAddress {
    /// Reads four decimals, or a form of RFC 4291 §2.2. Nil for anything else: also for a port, brackets, a zone, or a
    /// decimal with a leading zero, which some readers take for octal.
    package init?(_ text: some Collection<UInt8>) {
        if let bits = Self.ipv4(text) {
            self.init(ipv4: bits)
        } else if let bits = Self.ipv6(Array(text.prefix(Self.longestText + 1))) {
            self.init(bits: bits)
        } else {
            return nil
        }
    }

    /// Length of the longest form: six groups and four decimals.
    private static let longestText = 45

    private static func ipv4(_ text: some Collection<UInt8>) -> UInt32? {
        let decimals = text.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard decimals.count == 4 else { return nil }
        var bits: UInt32 = 0
        for decimal in decimals {
            guard let number = number(decimal, digits: 3, radix: 10), number <= 255,
                decimal.count == 1 || decimal.first != UInt8(ascii: "0")
            else { return nil }
            bits = bits << 8 | number
        }
        return bits
    }

    private static func ipv6(_ text: [UInt8]) -> UInt128? {
        let colon = UInt8(ascii: ":")
        let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else { return groups(text[...]).flatMap { $0.count == 8 ? bits($0) : nil } }
        guard let before = groups(text[..<gap], mayEndInIPv4: false), let after = groups(text[(gap + 2)...]),
            before.count + after.count < 8
        else { return nil }
        return bits(before + [UInt32](repeating: 0, count: 8 - before.count - after.count) + after)
    }

    /// Groups of 16 bits: an empty array for an empty text, nil for a malformed one.
    private static func groups(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool = true) -> [UInt32]? {
        if text.isEmpty { return [] }
        var groups: [UInt32] = []
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if let group = number(part, digits: 4, radix: 16) {
                groups.append(group)
            } else if mayEndInIPv4, index == parts.count - 1, let bits = ipv4(part) {
                groups += [bits >> 16, bits & 0xFFFF]
            } else {
                return nil
            }
        }
        return groups
    }

    private static func bits(_ groups: [UInt32]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    /// Nil if there is no digit, more than `digits`, or another character, such as the sign that `UInt32` would accept.
    private static func number(_ text: some Collection<UInt8>, digits: Int, radix: Int) -> UInt32? {
        guard text.count <= digits, let first = text.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-")
        else { return nil }
        return UInt32(String(decoding: text, as: UTF8.self), radix: radix)
    }
}

extension IPAddress: CustomStringConvertible {
    /// Four decimals, or the form of RFC 5952 §4.
    package var description: String {
        if isIPv4 { return (0..<4).map { String(bits >> (24 - 8 * $0) & 0xFF) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> (112 - 16 * $0)) }
        func text(_ groups: some Sequence<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let gap = Self.longestGap(groups) else { return text(groups) }
        return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
    }

    /// The first longest run of at least two groups that are zero; nil if there is none.
    private static func longestGap(_ groups: [UInt16]) -> Range<Int>? {
        let runs = groups.indices.map { start in start..<(groups[start...].firstIndex { $0 != 0 } ?? groups.count) }
        let longest = runs.map(\.count).max() ?? 0
        return longest < 2 ? nil : runs.first { $0.count == longest }
    }
}
