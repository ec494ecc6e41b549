/// The exchange for providers whose tokens come from an internal service.
///
/// Such a token does not begin with its exchange's partition, so session and answer lie in different ones and are written
/// one after the other: first the session, so that no answer is ever replayed that has none.
package struct UpstreamExchange: Sendable {
    struct Exchange: Sendable {
        let recipe: UpstreamRecipe
        let identity: VerifiedIdentity
        let request: ExchangeRequest
        /// Before the service was asked: what is revoked while it is, ends this session too.
        let startedAt: UnixTime
    }

    private let obtain: ObtainUpstreamToken
    private let mint: MintExternalIdentity
    private let vault: SessionVault
    private let store: any SessionStore
    private let answers: any SharedRecords
    private let revocations: RevocationList
    private let time: TimeSource

    /// - Parameter answers: as lasting and as shared as `store`.
    package init(
        obtain: ObtainUpstreamToken, mint: MintExternalIdentity, vault: SessionVault, store: any SessionStore,
        answers: any SharedRecords, revocations: RevocationList, time: TimeSource
    ) {
        self.obtain = obtain
        self.mint = mint
        self.vault = vault
        self.store = store
        self.answers = answers
        self.revocations = revocations
        self.time = time
    }

    func callAsFunction(_ exchange: Exchange) async throws(ExchangeStop) -> IssuedIdentity {
        let (identity, request) = (exchange.identity, exchange.request)
        // 1. What to ask, which may refuse the exchange.
        let question = try UpstreamRequest(
            exchange.recipe, provider: request.provider.name, claims: identity.claims,
            identityToken: request.identityToken, trace: request.trace)
        // 2. Answered before?
        let slot = vault.answerSlot(
            for: request.identityToken, device: request.device, provider: request.provider.name)
        let earlier = try await storing(request) { budget throws(SessionStoreFailure) in
            try await answers.value(of: slot.key, within: budget)
        }
        if let earlier, let issued = try await issued(by: earlier, in: slot, for: request) { return issued }
        // 3. A token with a session. One that was kept and then revoked is fetched again, once.
        let stored = try await stored(question, for: exchange)
        // 4. The answer, unless a duplicate of this request was quicker.
        return try await answered(with: stored, in: slot, over: earlier, for: exchange)
    }

    // MARK: Token and session

    private struct Stored {
        let externalIdentity: ExternalIdentity
        let session: SessionRecord
    }

    private func stored(
        _ question: UpstreamRequest, for exchange: Exchange
    ) async throws(ExchangeStop) -> Stored {
        let provider = exchange.request.provider
        let owner = UpstreamTokenOwner(
            tenant: exchange.identity.tenant.name, subject: exchange.identity.subject,
            device: exchange.request.device, provider: provider.name, url: exchange.recipe.endpoint.url)
        var rejected: ExternalIdentity?
        for _ in 0..<2 {
            let budget = try exchange.request.budget(before: "upstream", at: time.elapsed())
            let token: HeldUpstreamToken
            do throws(UpstreamFailure) {
                token = try await obtain(
                    question, for: owner, lifetime: provider.token.lifetime, rejecting: rejected,
                    within: budget - min(budget / 10, Self.timeToStore))
            } catch { throw .failed(Failure(error)) }
            if let stored = try await session(of: token, for: exchange) { return stored }
            rejected = token.externalIdentity
        }
        throw .failed(Failure(ObtainUpstreamToken.revokedAgain))
    }

    /// What is left for the store once the service has answered.
    private static let timeToStore = Duration.milliseconds(250)

    /// Nil if the token was revoked.
    private func session(
        of token: HeldUpstreamToken, for exchange: Exchange
    ) async throws(ExchangeStop) -> Stored? {
        let identity = token.externalIdentity
        let recognized = mint.recognize(identity, foreign: vault.partition(ofForeign:))
        guard let recognized, !recognized.isSignedByUs else {
            throw .failed(Failure(.refused(cause: "it answered with a token of our own making")))
        }
        let partition = recognized.partition
        let login = try mint.session(
            for: exchange.identity, provider: exchange.request.provider,
            device: vault.label(ofDevice: exchange.request.device), in: partition, at: exchange.startedAt,
            expiresAt: token.expiresAt)
        let sealed = vault.seal(login, of: identity, in: partition)
        var present = try await storing(exchange.request) { budget throws(SessionStoreFailure) in
            try await store.insertIfAbsent(sealed, within: budget)
            return try await store.session(sealed.key, within: budget)
        }
        while let record = present, let session = vault.open(record, of: identity) {
            // What this very login has just begun needs no list.
            let budget = record == sealed.record ? Duration.zero : try storeBudget(exchange.request)
            switch try await verdict(on: session, within: budget) {
            case .revoked: return nil
            case .stands, .unknown: break
            }
            let renewed = try session.renewed(by: login, of: exchange)
            if renewed == session { return Stored(externalIdentity: identity, session: session) }
            present = try await storing(exchange.request) { budget throws(SessionStoreFailure) in
                let new = vault.seal(renewed, of: identity, in: partition)
                return try await store.replace(record, with: new, within: budget)
                    ? new.record : try await store.session(new.key, within: budget)
            }
        }
        return nil
    }

    // MARK: Answers

    /// The answer that a record holds; nil if it cannot be opened, or its session is gone.
    private func issued(
        by record: [UInt8], in slot: SessionVault.AnswerSlot, for request: ExchangeRequest
    ) async throws(ExchangeStop) -> IssuedIdentity? {
        guard let earlier = vault.open(SealedRecord(bytes: record), in: slot),
            let recognized = mint.recognize(earlier, foreign: vault.partition(ofForeign:))
        else { return nil }
        let key = vault.sessionKey(of: earlier, in: recognized.partition)
        let session = try await storing(request) { budget throws(SessionStoreFailure) in
            try await store.session(key, within: budget)
        }
        guard let record = session.flatMap({ vault.open($0, of: earlier) }),
            try await verdict(on: record, within: storeBudget(request)) == .stands
        else { return nil }
        return IssuedIdentity(earlier, of: record, at: time.now())
    }

    private func verdict(
        on session: SessionRecord, within budget: Duration
    ) async throws(ExchangeStop) -> RevocationList.Verdict {
        do { return try await revocations.verdict(on: session, keyID: nil, within: budget) } catch {
            throw .failed(Failure(error))
        }
    }

    private func storeBudget(_ request: ExchangeRequest) throws(ExchangeStop) -> Duration {
        try request.storeBudget(before: "exchange", at: time.elapsed(), patience: store.patience)
    }

    private func answered(
        with stored: Stored, in slot: SessionVault.AnswerSlot, over dead: [UInt8]?, for exchange: Exchange
    ) async throws(ExchangeStop) -> IssuedIdentity {
        let own = IssuedIdentity(stored.externalIdentity, of: stored.session, at: time.now())
        let life = min(exchange.identity.acceptedUntil, stored.session.expiry) - time.now()
        guard life > .zero else { return own }
        let sealed = vault.seal(stored.externalIdentity, in: slot).bytes
        var dead = dead
        while true {
            let present = try await storing(exchange.request) { [dead] budget throws(SessionStoreFailure) -> [UInt8]? in
                if let dead, try await answers.replace(dead, under: slot.key, with: sealed, for: life, within: budget) {
                    return nil
                }
                return try await answers.insertIfAbsent(sealed, under: slot.key, for: life, within: budget)
            }
            guard let present else { return own }
            if let earlier = try await issued(by: present, in: slot, for: exchange.request) { return earlier }
            dead = present
        }
    }

    private func storing<Value>(
        _ request: ExchangeRequest, _ operation: (Duration) async throws(SessionStoreFailure) -> Value
    ) async throws(ExchangeStop) -> Value {
        let budget = try storeBudget(request)
        do throws(SessionStoreFailure) { return try await operation(budget) } catch { throw .failed(Failure(error)) }
    }
}

extension SessionRecord {
    /// A session says whose token it is, so a token cannot be two people's, nor two providers'.
    fileprivate func renewed(
        by login: SessionRecord, of exchange: UpstreamExchange.Exchange
    ) throws(ExchangeStop) -> SessionRecord {
        guard isOfSameOwner(as: login) else {
            let cause =
                "it answered with a token that it gave to somebody else before, or for another identity provider"
            throw .failed(Failure(.refused(cause: cause)))
        }
        let renewed = renewed(by: login)
        // No device makes room for another: whoever loses one must be able to end its session.
        let limit = exchange.recipe.deviceLimit
        guard renewed.devices.count <= limit else {
            let cause = "it gave one token to more than \(limit) devices, which token.upstream.devices_per_token allows"
            throw .failed(Failure(.refused(cause: cause)))
        }
        return renewed
    }
}
