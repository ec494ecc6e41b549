/// A fresh external identity and what we have to remember of it.
package struct MintedIdentity: Sendable, Redacted {
    package let externalIdentity: ExternalIdentity
    package let session: SessionRecord
    /// Whether verifiers can check it without us.
    package let isSelfContained: Bool
}
