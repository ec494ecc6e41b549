/// The cryptography of records at rest. Which secret, which label and which context are the domain's choice (``SessionVault``).
package protocol RecordSealer: Sendable {
    /// SHA-256, 32 bytes.
    func digest(_ bytes: [UInt8]) -> [UInt8]

    /// 32 bytes by the one-step key derivation of NIST SP 800-56C Rev. 2 §4.1 with SHA-256:
    /// `H(00000001 ‖ secret ‖ label ‖ context)`; `label` ends with a NUL of its own, so that labels cannot run into contexts.
    func derive(_ label: StaticString, from secret: [UInt8], context: [UInt8]) -> DerivedKey

    /// AES-256-GCM with a random nonce; version ‖ nonce ‖ ciphertext ‖ tag.
    func seal(_ plaintext: [UInt8], under key: DerivedKey) -> SealedRecord

    /// The plaintext, or nil where the record is of another version, cut, changed, or sealed under another key.
    func open(_ record: SealedRecord, under key: DerivedKey) -> [UInt8]?

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
