/// Says whether an external identity is good now, and whose session it is.
package final class IntrospectSession: Sendable {
    private let recognize: IdentityRecognizer
    private let providers: [ExactText: IdentityProvider]
    private let vault: SessionVault
    private let store: any SessionStore
    private let deferredSessions: DeferredSessions
    private let revocations: RevocationList
    private let claimsReader: any ClaimsReader
    private let time: TimeSource

    /// - Parameter keys: our own; nil if they cannot be read, so that the store alone decides.
    package init(
        issuer: ExactText, providers: [IdentityProvider], vault: SessionVault, store: any SessionStore,
        deferredSessions: DeferredSessions, revocations: RevocationList, keys: SigningKeyRing?,
        claimsReader: any ClaimsReader,
        time: TimeSource
    ) {
        recognize = IdentityRecognizer(issuer: issuer, providers: providers, vault: vault, keys: keys)
        self.providers = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
        self.vault = vault
        self.store = store
        self.deferredSessions = deferredSessions
        self.revocations = revocations
        self.claimsReader = claimsReader
        self.time = time
    }

    /// - Parameter log: learns how long the store took; nil if nobody asks.
    /// - Throws: ``Failure`` if the store cannot be asked and the token alone does not decide; never "inactive" then.
    package func callAsFunction(
        _ externalIdentity: ExternalIdentity, log: StepLog? = nil
    ) async throws(Failure) -> SessionStatus {
        // What cannot be ours by its shape needs no store.
        guard let recognized = recognize(externalIdentity) else { return .inactive }
        let start = time.elapsed()
        let end = start + Self.budget
        func remaining() -> Duration { max(end - time.elapsed(), .zero) }
        defer { log?.end(.store, since: start, time) }
        do throws(SessionStoreFailure) {
            let key = vault.sessionKey(of: externalIdentity, in: recognized.partition)
            // Otherwise a good token that was issued in an outage would be inactive until its session is written. A
            // revocation in the meantime is in the store.
            try await deferredSessions.write(key, within: remaining())
            let record = try await store.session(key, within: remaining())
            guard let session = live(record, of: externalIdentity, recognized) else { return .inactive }
            switch try await revocations.verdict(on: session.record, keyID: recognized.keyID, within: remaining()) {
            case .stands: return .active(session)
            case .revoked: return .inactive
            case .unknown: throw SessionStoreFailure(.revocations, revocations.failure ?? .timedOut)
            }
        } catch {
            return try statusWithoutStore(recognized, failure: Failure(error))
        }
    }

    /// For all operations on the store together.
    private static let budget: Duration = .seconds(2)

    // What does not wait is not inlined: what it needs for a moment would be kept in the frame of its caller.

    /// Nil if the record cannot be opened, or the session has expired.
    @inline(never)
    private func live(
        _ record: SealedRecord?, of externalIdentity: ExternalIdentity, _ recognized: RecognizedIdentity
    ) -> LiveSession? {
        guard let session = record.flatMap({ vault.open($0, of: externalIdentity) }), isLive(session) else {
            return nil
        }
        return recognized.live(session)
    }

    private func isLive(_ session: SessionRecord) -> Bool {
        session.expiry > time.now() && providers[session.identityProvider] != nil
    }

    /// In an outage, only a JWT of an optional provider is answered, from its signature.
    @inline(never)
    private func statusWithoutStore(
        _ recognized: RecognizedIdentity, failure: Failure
    ) throws(Failure) -> SessionStatus {
        switch recognized.statement(by: claimsReader) {
        case .none: throw failure
        case .forged: return .inactive
        case .session(let session):
            guard providers[session.identityProvider]?.mode == .optional else { throw failure }
            // The token's `iat` is in seconds, watermarks are in milliseconds.
            let verdict = revocations.verdict(
                on: session, keyID: recognized.keyID, latestIssue: session.issuedAt + .seconds(1))
            return isLive(session) && verdict != .revoked ? .unconfirmed(recognized.live(session)) : .inactive
        }
    }
}

extension IntrospectSession {
    /// The status for `verifier`, to which a token of a provider that it may not see is inactive.
    package func callAsFunction(
        _ externalIdentity: ExternalIdentity, for verifier: Verifier, log: StepLog? = nil
    ) async throws(Failure) -> SessionStatus {
        let status = try await self(externalIdentity, log: log)
        guard let session = status.session else { return .inactive }
        return verifier.maySee(session.record.identityProvider) ? status : .inactive
    }
}
