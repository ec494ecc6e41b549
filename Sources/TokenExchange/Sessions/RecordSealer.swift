/// The cryptography of records at rest. The domain chooses secret, label and context (``SessionVault``).
package protocol RecordSealer: Sendable {
    /// SHA-256, 32 bytes.
    func digest(_ bytes: [UInt8]) -> [UInt8]

    /// 32 bytes by the one-step key derivation of NIST SP 800-56C Rev. 2 §4.1 with SHA-256:
    /// `H(00000001 ‖ secret ‖ label ‖ context)`. `label` ends with a NUL, so that it cannot run into the context.
    func derive(_ label: StaticString, from secret: [UInt8], context: [UInt8]) -> DerivedKey

    /// AES-256-GCM with a random nonce; version (authenticated) ‖ nonce ‖ ciphertext ‖ tag.
    /// - Parameter version: of the plaintext's format.
    func seal(_ plaintext: [UInt8], version: UInt8, under key: DerivedKey) -> SealedRecord

    /// The plaintext. Throws for a record of any other version.
    func open(_ record: SealedRecord, version: UInt8, under key: DerivedKey) throws(UnreadableRecord) -> [UInt8]

    /// `count` bytes from the library's cryptographic random generator.
    func randomBytes(_ count: Int) -> [UInt8]
}

/// 32 secret bytes.
package struct DerivedKey: Sendable, Redacted {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}
