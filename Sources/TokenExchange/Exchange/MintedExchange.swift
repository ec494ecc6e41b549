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
        let asked = time.elapsed()
        let budget = try request.storeBudget(before: "exchange", at: asked, patience: store.patience)
        defer { request.report.end(.store, since: asked, time) }
        do throws(SessionStoreFailure) {
            let answer = try await answer(toStoring: new, from: asked, within: budget)
            let issued = answer ?? issued(new)
            request.report.issue(issued.externalIdentity, isReplay: answer != nil)
            return .issued(issued, tenant: login.identity.tenant.name)
        } catch {
            // A JWT is better than nothing if the login must not suffer: its verifiers can check it without us.
            guard request.provider.mode == .optional, new.isSelfContained else { throw .failed(Failure(error)) }
            deferredSessions.append(new.records.session)
            request.report.issue(new.externalIdentity, isReplay: false)
            return .degraded(issued(new), Failure(error))
        }
    }

    /// A new external identity, and what is to be stored.
    private struct Prepared {
        let externalIdentity: ExternalIdentity
        let isSelfContained: Bool
        let slot: SessionVault.AnswerSlot
        let records: ExchangeRecords
    }

    /// Not inlined: what it needs for a moment would be kept in the frame of its caller.
    @inline(never)
    private func prepare(_ kind: TokenRecipe.Minted, for login: VerifiedLogin) throws(ExchangeStop) -> Prepared {
        let request = login.request
        let start = time.elapsed()
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
        request.report.end(.mint, since: start, time)
        return Prepared(
            externalIdentity: minted.externalIdentity, isSelfContained: minted.isSelfContained, slot: slot,
            records: records)
    }

    private func issued(_ new: Prepared) -> IssuedIdentity {
        IssuedIdentity(new.externalIdentity, until: new.records.session.expiresAt, at: time.now())
    }

    /// An earlier answer to the same exchange, or nil once the new one is stored. An earlier answer that cannot be
    /// opened, or is no longer good, is overwritten.
    private func answer(
        toStoring new: Prepared, from start: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> IssuedIdentity? {
        let end = start + budget
        var remaining = budget
        var unreadable: SealedRecord?
        while case .answered(let answer, let session) = try await store.insertIfAbsent(
            new.records, replacing: unreadable, within: remaining)
        {
            if let earlier = await earlier(answer, session, in: new.slot, until: end) { return earlier }
            unreadable = answer
            remaining = max(end - time.elapsed(), .zero)
        }
        return nil
    }

    /// Nil unless an earlier answer can be opened and is still good: its key is ours, and none of its cohorts is revoked.
    ///
    /// Not inlined: most logins are new, and need no room for it in their frames.
    @inline(never)
    private func earlier(
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
