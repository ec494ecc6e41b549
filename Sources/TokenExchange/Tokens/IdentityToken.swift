/// The JWT that NewStore issued, as it arrived (the subject token of RFC 8693): not trusted, but already secret.
package struct IdentityToken: Sendable, Redacted {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}
