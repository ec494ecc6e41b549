/// A new external identity and its session record.
package struct MintedIdentity: Sendable, Redacted {
    package let externalIdentity: ExternalIdentity
    package let session: SessionRecord
    /// Whether verifiers can check it without us.
    package let isSelfContained: Bool
}
