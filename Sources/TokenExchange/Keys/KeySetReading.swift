/// A published key set after reading: the usable keys, and why the others are not used.
package struct KeySetReading: Sendable {
    /// A key's name and material, so that new material under an old name is noticed.
    package struct Key: Sendable, Hashable {
        /// Nil if the set names no `kid`.
        package let keyID: ExactText?
        /// RFC 7638 with SHA-256, base64url.
        package let thumbprint: ExactText

        /// `thumbprint` by RFC 7638.
        package init(keyID: ExactText?, thumbprint: ExactText) {
            self.keyID = keyID
            self.thumbprint = thumbprint
        }
    }

    package let verifiers: [any TokenVerifier]
    package let keys: Set<Key>
    /// Each key that is not used, and why, for the operator. The issuer's text in it is shortened and escaped.
    package let skipped: [String]

    /// `skipped` says of each key that is not used why.
    package init(verifiers: [any TokenVerifier], keys: Set<Key>, skipped: [String]) {
        self.verifiers = verifiers
        self.keys = keys
        self.skipped = skipped
    }
}
