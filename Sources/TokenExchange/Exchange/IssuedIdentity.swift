/// An external identity on its way to the client.
package struct IssuedIdentity: Sendable, Redacted {
    package let externalIdentity: ExternalIdentity
    /// Until its `exp`: less than a full lifetime if an earlier answer is sent again.
    package let remainingSeconds: Int64

    /// - Parameter expiry: of its session.
    init(_ externalIdentity: ExternalIdentity, until expiry: UnixTime, at now: UnixTime) {
        self.externalIdentity = externalIdentity
        remainingSeconds = max(0, expiry.wholeSeconds - now.wholeSeconds)
    }
}
