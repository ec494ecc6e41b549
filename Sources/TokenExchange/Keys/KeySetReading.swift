/// What a published key set holds, read once: the keys of use, and what became of the rest.
package struct KeySetReading: Sendable {
    /// A key by its name and its material, so that new material under an old name can be noticed.
    package struct Key: Sendable, Hashable {
        /// Nil if the set names no `kid`.
        package let keyID: ExactText?
        /// RFC 7638 with SHA-256, base64url.
        package let thumbprint: ExactText

        package init(keyID: ExactText?, thumbprint: ExactText) {
            self.keyID = keyID
            self.thumbprint = thumbprint
        }
    }

    package let verifiers: [any TokenVerifier]
    package let keys: Set<Key>
    /// Each key that is not used, and why, for the operator; what is the issuer's text in it is cut and escaped.
    package let skipped: [String]

    package init(verifiers: [any TokenVerifier], keys: Set<Key>, skipped: [String]) {
        self.verifiers = verifiers
        self.keys = keys
        self.skipped = skipped
    }
}
