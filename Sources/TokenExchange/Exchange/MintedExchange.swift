/// The exchange for providers whose tokens are made here.
///
/// The token's random part begins with its exchange's partition, so session and answer share a partition, and one
/// command writes both.
package final class MintedExchange: Sendable {
    private let mint: MintExternalIdentity
    private let vault: SessionVault
    private let store: any SessionStore
    private let deferredSessions: DeferredSessions
    private let revocations: RevocationList
    private let time: TimeSource

    /// - Parameter deferredSessions: takes sessions that the store cannot take, for optional providers.
    package init(
        mint: MintExternalIdentity, vault: SessionVault, store: any SessionStore, deferredSessions: DeferredSessions,
        revocations: RevocationList, time: TimeSource
    ) {
        self.mint = mint
        self.vault = vault
        self.store = store
        self.deferredSessions = deferredSessions
        self.revocations = revocations
        self.time = time
    }

    /// Mints a token and stores it, or returns the earlier answer to the same exchange.
    func callAsFunction(
        _ kind: TokenRecipe.Minted, for login: VerifiedLogin
    ) async throws(ExchangeStop) -> ExchangeOutcome {
        let request = login.request
        // 1. Mint before asking the store: cheap, and it leaves one round trip for everything.
        let new = try prepare(kind, for: login)
        // 2. Record, unless the same exchange was answered before.
        let budget = try request.storeBudget(before: "exchange", at: new.mintingEnd, patience: store.patience)
        defer { request.report.end(.store, since: new.mintingEnd, time) }
        do throws(SessionStoreFailure) {
            guard
                case .answered(let answer, let session) = try await store.insertIfAbsent(
                    new.records, replacing: nil, within: budget)
            else { return issued(new, for: login) }
            let earlier = try await earlier(answer, session, than: new, until: new.mintingEnd + budget)
            return issued(new, earlier: earlier, for: login)
        } catch { return try outcome(of: error, new, for: request) }
    }

    // What does not wait, or is needed by few logins, is not inlined: what it needs would be kept in the frame of its
    // caller.

    @inline(never)
    private func issued(
        _ new: Prepared, earlier: IssuedIdentity? = nil, for login: VerifiedLogin
    ) -> ExchangeOutcome {
        let issued = earlier ?? issued(new)
        login.request.report.issue(issued.externalIdentity, isReplay: earlier != nil)
        return .issued(issued, tenant: login.identity.tenant.name)
    }

    @inline(never)
    private func outcome(
        of failure: SessionStoreFailure, _ new: Prepared, for request: ExchangeRequest
    ) throws(ExchangeStop) -> ExchangeOutcome {
        // A JWT is better than nothing if the login must not suffer: its verifiers can check it without us.
        guard request.provider.mode == .optional, new.isSelfContained else { throw .failed(Failure(failure)) }
        deferredSessions.append(new.records.session)
        request.report.issue(new.externalIdentity, isReplay: false)
        return .degraded(issued(new), Failure(failure))
    }

    /// A new external identity, and what is to be stored.
    private struct Prepared {
        let externalIdentity: ExternalIdentity
        let isSelfContained: Bool
        let slot: SessionVault.AnswerSlot
        let records: ExchangeRecords
        /// By ``TimeSource/elapsed``: storing, which comes next, is measured from here.
        let mintingEnd: Duration
    }

    @inline(never)
    private func prepare(_ kind: TokenRecipe.Minted, for login: VerifiedLogin) throws(ExchangeStop) -> Prepared {
        let request = login.request
        let slot = vault.answerSlot(
            for: request.identityToken, device: request.device, provider: request.provider.name)
        let minted = try mint(
            kind, for: login.identity, provider: request.provider, device: vault.label(ofDevice: request.device),
            in: slot.key.partition, at: login.verifiedAt)
        let records = ExchangeRecords(
            session: vault.seal(minted.session, of: minted.externalIdentity, in: slot.key.partition),
            answerKey: slot.key,
            answer: vault.seal(minted.externalIdentity, in: slot),
            answerExpiresAt: min(login.identity.acceptedUntil, minted.session.expiry))
        return Prepared(
            externalIdentity: minted.externalIdentity, isSelfContained: minted.isSelfContained, slot: slot,
            records: records, mintingEnd: request.report.end(.mint, since: login.verificationEnd, time))
    }

    private func issued(_ new: Prepared) -> IssuedIdentity {
        IssuedIdentity(new.externalIdentity, until: new.records.session.expiresAt, at: time.now())
    }

    /// An earlier answer to the same exchange, or nil once the new one is stored. An earlier answer that cannot be
    /// opened, or is no longer good, is overwritten.
    @inline(never)
    private func earlier(
        _ answer: SealedRecord, _ session: SealedRecord, than new: Prepared, until end: Duration
    ) async throws(SessionStoreFailure) -> IssuedIdentity? {
        var (answer, session) = (answer, session)
        while true {
            if let earlier = await opened(answer, session, in: new.slot, until: end) { return earlier }
            guard
                case .answered(let other, let itsSession) = try await store.insertIfAbsent(
                    new.records, replacing: answer, within: max(end - time.elapsed(), .zero))
            else { return nil }
            (answer, session) = (other, itsSession)
        }
    }

    /// Nil unless an earlier answer can be opened and is still good: its key is ours, and none of its cohorts is revoked.
    private func opened(
        _ answer: SealedRecord, _ session: SealedRecord, in slot: SessionVault.AnswerSlot, until end: Duration
    ) async -> IssuedIdentity? {
        guard let earlier = vault.open(answer, in: slot), let session = vault.open(session, of: earlier),
            let recognized = mint.recognize(earlier),
            (try? await revocations.verdict(
                on: session, keyID: recognized.keyID, within: end - time.elapsed())) == .stands
        else { return nil }
        return IssuedIdentity(earlier, until: session.expiry, at: time.now())
    }
}
