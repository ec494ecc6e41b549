/// The token that Countersign answers with, or that somebody presents as such.
package struct ExternalIdentity: Sendable, Hashable, Redacted {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}
