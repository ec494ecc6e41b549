/// The token that Countersign answers with, or that somebody presents as such.
package struct ExternalIdentity: Sendable, Hashable, Redacted {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension ExternalIdentity {
    /// How an opaque token begins; secret scanners know it by that.
    static let opaquePrefix = Array("csx_".utf8)
    /// The prefix and 43 base64url characters.
    private static let opaqueCount = 47

    /// What follows the prefix; nil if it has not the shape of an opaque token of ours.
    var opaqueRandomPart: ArraySlice<UInt8>? {
        let random = bytes.dropFirst(Self.opaquePrefix.count)
        return bytes.count == Self.opaqueCount && bytes.starts(with: Self.opaquePrefix)
            && Base64URL.decode(random) != nil ? random : nil
    }

    /// The longest token of an internal service.
    package static let upstreamByteLimit = 8192

    /// Whether an internal service may have issued it: printable ASCII without blanks.
    package var hasUpstreamShape: Bool {
        1...Self.upstreamByteLimit ~= bytes.count && bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
