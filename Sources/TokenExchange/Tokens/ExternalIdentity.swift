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

    /// Whether it has the shape of an opaque token of ours.
    package var isOpaque: Bool {
        bytes.count == Self.opaqueCount && bytes.starts(with: Self.opaquePrefix)
            && Base64URL.decode(bytes[Self.opaquePrefix.count...]) != nil
    }
}
