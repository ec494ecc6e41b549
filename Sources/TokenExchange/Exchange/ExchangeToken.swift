/// The main job: an identity token in, an external identity out, a session in the store.
package struct ExchangeToken: Sendable {
    private let verify: VerifyIdentityToken
    private let mint: MintExternalIdentity
    private let vault: SessionVault
    private let store: any SessionStore
    private let deferredSessions: DeferredSessions
    private let upstream: UpstreamExchange?
    private let revocations: RevocationList
    private let time: TimeSource

    /// - Parameter upstream: for providers of that kind; nil if there are none.
    package init(
        verify: VerifyIdentityToken, mint: MintExternalIdentity, vault: SessionVault, store: any SessionStore,
        deferredSessions: DeferredSessions, upstream: UpstreamExchange? = nil, revocations: RevocationList,
        time: TimeSource
    ) {
        self.verify = verify
        self.mint = mint
        self.vault = vault
        self.store = store
        self.deferredSessions = deferredSessions
        self.upstream = upstream
        self.revocations = revocations
        self.time = time
    }

    package func callAsFunction(_ request: ExchangeRequest) async -> ExchangeOutcome {
        let provider = request.provider
        do throws(ExchangeStop) {
            let now = time.now()
            // 1. Genuine, and acceptable here and now?
            let identity = try await verify(
                request.identityToken, for: provider, at: now, source: request.source,
                within: try budget(for: request, before: "verify"))
            if case .upstream(let recipe) = provider.token.kind, let upstream {
                let exchange = UpstreamExchange.Exchange(
                    recipe: recipe, identity: identity, request: request, startedAt: now)
                return .issued(try await upstream(exchange), tenant: identity.tenant.name)
            }
            // 2. Mint before asking the store: cheap, and it leaves one round trip for everything.
            let slot = vault.answerSlot(for: request.identityToken, device: request.device, provider: provider.name)
            let minted = try mint(
                for: identity, provider: provider, device: vault.label(ofDevice: request.device),
                in: slot.key.partition, at: now)
            // 3. Record, unless the same exchange was answered before.
            return try await record(minted, of: identity, in: slot, for: request)
        } catch {
            switch error {
            case .refused(let refusal, let difference): return .refused(refusal, clockDifference: difference)
            case .failed(let failure): return outcome(of: failure, for: provider)
            }
        }
    }

    private func record(
        _ minted: MintedIdentity, of identity: VerifiedIdentity, in slot: SessionVault.AnswerSlot,
        for request: ExchangeRequest
    ) async throws(ExchangeStop) -> ExchangeOutcome {
        let records = ExchangeRecords(
            session: vault.seal(minted.session, of: minted.externalIdentity, in: slot.key.partition),
            answerKey: slot.key,
            answer: vault.seal(minted.externalIdentity, in: slot),
            answerExpiresAt: min(identity.acceptedUntil, minted.session.expiry))
        let budget = try request.storeBudget(before: "exchange", at: time.elapsed(), patience: store.patience)
        do throws(SessionStoreFailure) {
            let answer = try await answer(toStoring: records, in: slot, within: budget)
            return .issued(
                answer ?? IssuedIdentity(minted.externalIdentity, of: minted.session, at: time.now()),
                tenant: identity.tenant.name)
        } catch {
            return withoutStore(minted, records.session, Failure(error), for: request.provider)
        }
    }

    /// An earlier answer to the same exchange, or nil if the new one is stored. What cannot be opened counts as absent,
    /// and so does what nobody would take any more.
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

    /// Whether key and cohorts of an earlier answer still stand, for all that is known now.
    private func isGood(
        _ earlier: ExternalIdentity, _ session: SessionRecord, within budget: Duration
    ) async -> Bool {
        guard let recognized = mint.recognize(earlier) else { return false }
        return (try? await revocations.verdict(on: session, keyID: recognized.keyID, within: budget)) == .stands
    }

    private func budget(for request: ExchangeRequest, before operation: String) throws(ExchangeStop) -> Duration {
        try request.budget(before: operation, at: time.elapsed())
    }

    /// A JWT is better than nothing where the login must not suffer: its verifiers can check it without us.
    private func withoutStore(
        _ minted: MintedIdentity, _ session: StoredSession, _ failure: Failure, for provider: IdentityProvider
    ) -> ExchangeOutcome {
        guard provider.mode == .optional, minted.isSelfContained else { return outcome(of: failure, for: provider) }
        deferredSessions.append(session)
        return .degraded(IssuedIdentity(minted.externalIdentity, of: minted.session, at: time.now()), failure)
    }

    private func outcome(of failure: Failure, for provider: IdentityProvider) -> ExchangeOutcome {
        switch provider.mode {
        case .strict: .failed(failure)
        case .optional: .degraded(nil, failure)
        }
    }
}

package struct ExchangeRequest: Sendable, Redacted {
    package let identityToken: IdentityToken
    /// As the app names it; may be empty.
    package let device: ExactText
    package let provider: IdentityProvider
    /// By ``TimeSource/elapsed``; the provider's deadline counts from here.
    package let arrivedAt: Duration
    /// Nil if it did not come over a network.
    package let source: RequestSource?
    package let trace: RequestTrace

    package init(
        identityToken: IdentityToken, device: ExactText, provider: IdentityProvider, arrivedAt: Duration,
        source: RequestSource? = nil, trace: RequestTrace = RequestTrace()
    ) {
        self.source = source
        self.trace = trace
        self.identityToken = identityToken
        self.device = device
        self.provider = provider
        self.arrivedAt = arrivedAt
    }

    /// How long the session store may take: a strict login waits as long as its deadline allows, an optional one goes on
    /// without the store after `patience`.
    func storeBudget(
        before operation: String, at now: Duration, patience: Duration
    ) throws(ExchangeStop) -> Duration {
        let remaining = try budget(before: operation, at: now)
        switch provider.mode {
        case .strict: return remaining
        case .optional: return min(remaining, patience)
        }
    }

    /// What is left of the provider's deadline, less what it takes to answer.
    func budget(before operation: String, at now: Duration) throws(ExchangeStop) -> Duration {
        let deadline = provider.deadline
        let remaining = arrivedAt + deadline - min(deadline / 10, .milliseconds(50)) - now
        guard remaining > .zero else {
            throw .failed(Failure(.deadlineExceeded, operation: operation, cause: "\(deadline) have passed"))
        }
        return remaining
    }
}

package enum ExchangeOutcome: Sendable {
    /// The session is stored.
    case issued(IssuedIdentity, tenant: ExactText)
    /// Our failure, which an optional provider's login does not suffer from. A token, if any, has no session yet.
    case degraded(IssuedIdentity?, Failure)
    case failed(Failure)
    /// - Parameter clockDifference: where the time was wrong: our clock less the one in the token.
    case refused(Refusal, clockDifference: Duration? = nil)
}
