/// The token that Countersign answers with, or that is presented as one.
package struct ExternalIdentity: Sendable, Hashable, Redacted {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension ExternalIdentity {
    /// How an opaque token begins, so that secret scanners recognize it.
    static let opaquePrefix = Array("csx_".utf8)
    /// The prefix and 43 base64url characters.
    private static let opaqueCount = 47

    /// What follows the prefix; nil if it does not have the shape of our opaque tokens.
    var opaqueRandomPart: ArraySlice<UInt8>? {
        let random = bytes.dropFirst(Self.opaquePrefix.count)
        return bytes.count == Self.opaqueCount && bytes.starts(with: Self.opaquePrefix)
            && Base64URL.decode(random) != nil ? random : nil
    }

    /// Length of the longest token of an internal service.
    package static let upstreamByteLimit = 8192

    /// Whether an internal service may have issued it: printable ASCII without spaces.
    package var hasUpstreamShape: Bool {
        1...Self.upstreamByteLimit ~= bytes.count && bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
