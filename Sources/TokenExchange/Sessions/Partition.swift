/// A part of the store. All records of one exchange are in one, so that a store of many servers keeps them on the same
/// server and writes them at once.
///
/// Derived from the exchange, and the first three characters of the external identity's random part, so that both lead
/// to the same partition. That takes 18 of an opaque token's 256 random bits, and of a `jti`'s 128.
package struct Partition: Sendable, Hashable {
    /// In characters of base64url: 18 bits, for more parts than any store has.
    static let count = 3

    /// ``count`` characters of base64url.
    package let label: [UInt8]

    /// - Parameter digest: of what decides the partition; at least three bytes.
    package init(digest: [UInt8]) {
        var label: [UInt8] = []
        Base64URL.append(digest.prefix(3), to: &label)
        label.removeSubrange(Self.count...)
        self.label = label
    }

    /// From the beginning of a token's random part; nil if that is too short, or not base64url.
    init?(beginning text: ArraySlice<UInt8>) {
        let label = Array(text.prefix(Self.count))
        // Three characters encode two bytes, so their last two bits would have to be zero; with a fourth they need not.
        guard label.count == Self.count, Base64URL.decode(label + [UInt8(ascii: "A")]) != nil else { return nil }
        self.label = label
    }

    /// `text`, which is base64url, with the label in place of its first characters.
    func marking(_ text: consuming [UInt8]) -> [UInt8] {
        text.replaceSubrange(0..<Self.count, with: label)
        return text
    }
}
