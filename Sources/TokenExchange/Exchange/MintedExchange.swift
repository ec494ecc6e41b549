/// The exchange for providers whose tokens are made here.
///
/// The token's random part begins with its exchange's partition, so session and answer share a partition, and one
/// command writes both.
package struct MintedExchange: Sendable {
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
        let (identity, request) = (login.identity, login.request)
        // 1. Mint before asking the store: cheap, and it leaves one round trip for everything.
        let start = time.elapsed()
        let slot = vault.answerSlot(
            for: request.identityToken, device: request.device, provider: request.provider.name)
        let minted = try mint(
            kind, for: identity, provider: request.provider, device: vault.label(ofDevice: request.device),
            in: slot.key.partition, at: login.verifiedAt)
        // 2. Record, unless the same exchange was answered before.
        let records = ExchangeRecords(
            session: vault.seal(minted.session, of: minted.externalIdentity, in: slot.key.partition),
            answerKey: slot.key,
            answer: vault.seal(minted.externalIdentity, in: slot),
            answerExpiresAt: min(identity.acceptedUntil, minted.session.expiry))
        request.report.end(.mint, since: start, time)
        let asked = time.elapsed()
        let budget = try request.storeBudget(before: "exchange", at: asked, patience: store.patience)
        defer { request.report.end(.store, since: asked, time) }
        do throws(SessionStoreFailure) {
            let answer = try await answer(toStoring: records, in: slot, within: budget)
            let issued = answer ?? issued(minted)
            request.report.issue(issued.externalIdentity, isReplay: answer != nil)
            return .issued(issued, tenant: identity.tenant.name)
        } catch {
            // A JWT is better than nothing if the login must not suffer: its verifiers can check it without us.
            guard request.provider.mode == .optional, minted.isSelfContained else { throw .failed(Failure(error)) }
            deferredSessions.append(records.session)
            request.report.issue(minted.externalIdentity, isReplay: false)
            return .degraded(issued(minted), Failure(error))
        }
    }

    private func issued(_ minted: MintedIdentity) -> IssuedIdentity {
        IssuedIdentity(minted.externalIdentity, of: minted.session, at: time.now())
    }

    /// An earlier answer to the same exchange, or nil once the new one is stored. An earlier answer that cannot be
    /// opened, or is no longer good, is overwritten.
    private func answer(
        toStoring records: ExchangeRecords, in slot: SessionVault.AnswerSlot, within budget: Duration
    ) async throws(SessionStoreFailure) -> IssuedIdentity? {
        let end = time.elapsed() + budget
        var unreadable: SealedRecord?
        while case .answered(let answer, let session) = try await store.insertIfAbsent(
            records, replacing: unreadable, within: max(end - time.elapsed(), .zero))
        {
            if let earlier = vault.open(answer, in: slot), let session = vault.open(session, of: earlier),
                await isGood(earlier, session, within: end - time.elapsed())
            {
                return IssuedIdentity(earlier, of: session, at: time.now())
            }
            unreadable = answer
        }
        return nil
    }

    /// Whether an earlier answer is still good: its key is ours, and none of its cohorts is revoked.
    private func isGood(
        _ earlier: ExternalIdentity, _ session: SessionRecord, within budget: Duration
    ) async -> Bool {
        guard let recognized = mint.recognize(earlier) else { return false }
        return (try? await revocations.verdict(on: session, keyID: recognized.keyID, within: budget)) == .stands
    }
}
