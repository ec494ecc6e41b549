/// The exchange for providers whose tokens come from an internal service.
///
/// Such a token does not name its exchange's partition, so session and answer are in different partitions and are
/// written one after the other. The session comes first, so that an answer without a session is never sent again.
package final class UpstreamExchange: Sendable {
    private let obtain: ObtainUpstreamToken
    private let mint: MintExternalIdentity
    private let vault: SessionVault
    private let store: any SessionStore
    private let answers: any SharedRecords
    private let revocations: RevocationList
    private let time: TimeSource

    /// - Parameter answers: must last as long as `store`, and be shared by the same replicas.
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

    /// Returns the earlier answer to the same exchange, or obtains a token and stores its session and the answer.
    func callAsFunction(
        _ recipe: UpstreamRecipe, for login: VerifiedLogin
    ) async throws(ExchangeStop) -> IssuedIdentity {
        let request = login.request
        // 1. What to ask, which may refuse the exchange.
        let question = try UpstreamRequest(
            recipe, provider: request.provider.name, claims: login.identity.claims,
            identityToken: request.identityToken, trace: request.trace)
        // 2. Answered before?
        let slot = vault.answerSlot(
            for: request.identityToken, device: request.device, provider: request.provider.name)
        let earlier = try await storing(request) { budget throws(SessionStoreFailure) in
            try await answers.value(of: slot.key, within: budget)
        }
        if let earlier, let issued = try await issued(by: earlier, in: slot, for: request) {
            request.report.issue(issued.externalIdentity, isReplay: true)
            return issued
        }
        // 3. A token with a session. One that was kept and then revoked is fetched again, once.
        let token = try await recordedToken(question, of: recipe, for: login)
        // 4. The answer, unless a duplicate of this request was quicker.
        return try await answer(with: token, in: slot, replacing: earlier, for: login)
    }

    // MARK: Token and session

    private struct RecordedToken {
        let externalIdentity: ExternalIdentity
        let session: SessionRecord
    }

    private func recordedToken(
        _ question: UpstreamRequest, of recipe: UpstreamRecipe, for login: VerifiedLogin
    ) async throws(ExchangeStop) -> RecordedToken {
        let request = login.request
        let owner = UpstreamTokenOwner(
            tenant: login.identity.tenant.name, subject: login.identity.subject, device: request.device,
            provider: request.provider.name, url: recipe.endpoint.url)
        var rejected: ExternalIdentity?
        for _ in 0..<2 {
            let token = try await token(question, of: owner, rejecting: rejected, for: request)
            let session = try await session(of: token, deviceLimit: recipe.deviceLimit, for: login)
            if let session { return RecordedToken(externalIdentity: token.externalIdentity, session: session) }
            rejected = token.externalIdentity
        }
        throw .failed(Failure(ObtainUpstreamToken.revokedAgain))
    }

    private func token(
        _ question: UpstreamRequest, of owner: UpstreamTokenOwner, rejecting rejected: ExternalIdentity?,
        for request: ExchangeRequest
    ) async throws(ExchangeStop) -> HeldUpstreamToken {
        let start = time.elapsed()
        defer { request.report.end(.upstream, since: start, time) }
        let budget = try request.budget(before: "upstream", at: start)
        do throws(UpstreamFailure) {
            return try await obtain(
                question, for: owner, lifetime: request.provider.token.lifetime, rejecting: rejected,
                within: budget - min(budget / 10, Self.timeToStore))
        } catch { throw .failed(Failure(error)) }
    }

    /// Kept back for the store after the service has answered.
    private static let timeToStore = Duration.milliseconds(250)

    /// Adds this login to the token's session; nil if the token was revoked.
    private func session(
        of token: HeldUpstreamToken, deviceLimit: Int, for login: VerifiedLogin
    ) async throws(ExchangeStop) -> SessionRecord? {
        let partition = try partition(of: token.externalIdentity)
        let begun = try mint.session(
            for: login.identity, provider: login.request.provider,
            device: vault.label(ofDevice: login.request.device), in: partition, at: login.verifiedAt,
            expiresAt: token.expiresAt)
        let sealed = vault.seal(begun, of: token.externalIdentity, in: partition)
        var present = try await storing(login.request) { budget throws(SessionStoreFailure) in
            try await store.insertIfAbsent(sealed, within: budget)
            return try await store.session(sealed.key, within: budget)
        }
        while let record = present, let session = vault.open(record, of: token.externalIdentity) {
            // A session that this login has just begun is good even if the list of revocations is old.
            let budget = record == sealed.record ? Duration.zero : try storeBudget(login.request)
            if case .revoked = try await verdict(on: session, within: budget) { return nil }
            let renewed = try session.renewed(by: begun, deviceLimit: deviceLimit)
            if renewed == session { return session }
            let new = vault.seal(renewed, of: token.externalIdentity, in: partition)
            present = try await storing(login.request) { budget throws(SessionStoreFailure) in
                try await store.replace(record, with: new, within: budget)
                    ? new.record : try await store.session(new.key, within: budget)
            }
        }
        return nil
    }

    private func partition(of token: ExternalIdentity) throws(ExchangeStop) -> Partition {
        let recognized = mint.recognize(token, foreign: vault.partition(ofForeign:))
        guard let recognized, !recognized.isSignedByUs else {
            throw .failed(Failure(.refused(cause: "it answered with a token of our own making")))
        }
        return recognized.partition
    }

    // MARK: Answers

    /// The answer in a record; nil if it cannot be opened, or its session is gone or revoked.
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
        return IssuedIdentity(earlier, until: record.expiry, at: time.now())
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

    /// - Parameter dead: an earlier record that can no longer be answered with; nil if there was none.
    private func answer(
        with token: RecordedToken, in slot: SessionVault.AnswerSlot, replacing dead: [UInt8]?, for login: VerifiedLogin
    ) async throws(ExchangeStop) -> IssuedIdentity {
        let own = IssuedIdentity(token.externalIdentity, until: token.session.expiry, at: time.now())
        let life = min(login.identity.acceptedUntil, token.session.expiry) - time.now()
        let sealed = vault.seal(token.externalIdentity, in: slot).bytes
        var dead = dead
        while life > .zero {
            let present = try await storing(login.request) { [dead] budget throws(SessionStoreFailure) -> [UInt8]? in
                if let dead, try await answers.replace(dead, under: slot.key, with: sealed, for: life, within: budget) {
                    return nil
                }
                return try await answers.insertIfAbsent(sealed, under: slot.key, for: life, within: budget)
            }
            guard let present else { break }
            if let earlier = try await issued(by: present, in: slot, for: login.request) {
                login.request.report.issue(earlier.externalIdentity, isReplay: true)
                return earlier
            }
            dead = present
        }
        login.request.report.issue(own.externalIdentity, isReplay: false)
        return own
    }

    private func storing<Value>(
        _ request: ExchangeRequest, _ operation: (Duration) async throws(SessionStoreFailure) -> Value
    ) async throws(ExchangeStop) -> Value {
        let budget = try storeBudget(request)
        let start = time.elapsed()
        defer { request.report.end(.store, since: start, time) }
        do throws(SessionStoreFailure) { return try await operation(budget) } catch { throw .failed(Failure(error)) }
    }
}

extension SessionRecord {
    /// Merges `login` into the session. Refuses a token of another user or another provider.
    fileprivate func renewed(by login: SessionRecord, deviceLimit: Int) throws(ExchangeStop) -> SessionRecord {
        guard isOfSameOwner(as: login) else {
            let cause =
                "it answered with a token that it gave to somebody else before, or for another identity provider"
            throw .failed(Failure(.refused(cause: cause)))
        }
        let renewed = renewed(by: login)
        // No device is dropped to make room: the session of a lost device must stay revocable.
        guard renewed.devices.count <= deviceLimit else {
            let cause =
                "it gave one token to more than \(deviceLimit) devices, which token.upstream.devices_per_token allows"
            throw .failed(Failure(.refused(cause: cause)))
        }
        return renewed
    }
}
