/// Ends the session of an external identity before it expires.
package struct RevokeSession: Sendable {
    private let recognize: IdentityRecognizer
    /// The names of those whose tokens come from an internal service.
    private let upstreamProviders: Set<ExactText>
    private let vault: SessionVault
    private let store: any SessionStore
    private let claimsReader: any ClaimsReader
    private let time: TimeSource

    /// - Parameter keys: our own, which tell our JWTs from others.
    package init(
        issuer: ExactText, providers: [IdentityProvider], vault: SessionVault, store: any SessionStore,
        keys: SigningKeyRing, claimsReader: any ClaimsReader, time: TimeSource
    ) {
        recognize = IdentityRecognizer(issuer: issuer, providers: providers, vault: vault, keys: keys)
        upstreamProviders = Set(providers.filter(\.isUpstream).map(\.name))
        self.vault = vault
        self.store = store
        self.claimsReader = claimsReader
        self.time = time
    }

    /// For all operations on the store together.
    private static let budget: Duration = .seconds(2)

    /// Returns once the session has ended on all replicas, or if there is none to end.
    ///
    /// A JWT is revoked whether or not its session is stored: the session may still be waiting to be written.
    /// A session of a provider whose sessions `verifier` may not end stays as it is.
    /// - Parameter log: learns how long the store took; nil if nobody asks.
    /// - Returns: the session that has ended; nil if there was none to end.
    /// - Throws: ``Failure`` if the revocation could not be recorded, in both modes.
    @discardableResult
    package func callAsFunction(
        _ externalIdentity: ExternalIdentity, by verifier: Verifier, log: StepLog? = nil
    ) async throws(Failure) -> SessionRecord? {
        guard let recognized = recognize(externalIdentity) else { return nil }
        let start = time.elapsed()
        let end = start + Self.budget
        func remaining() -> Duration { max(end - time.elapsed(), .zero) }
        defer { log?.end(.store, since: start, time) }
        let key = vault.sessionKey(of: externalIdentity, in: recognized.partition)
        do {
            let session: SessionRecord? =
                switch recognized.statement(by: claimsReader) {
                case .session(let session): session
                case .none:
                    try await store.session(key, within: remaining()).flatMap { vault.open($0, of: externalIdentity) }
                case .forged: nil
                }
            guard let session, verifier.mayRevoke(session.identityProvider) else { return nil }
            try await store.revoke(key, until: self.end(of: session), within: remaining())
            return session
        } catch { throw Failure(error) }
    }

    /// An internal service may hand out the same token again, so it stays revoked for as long as any session can live.
    private func end(of session: SessionRecord) -> UnixTime {
        guard upstreamProviders.contains(session.identityProvider) else { return session.expiry }
        return max(session.expiry, time.now() + RevocationList.longestLifetime)
    }
}
