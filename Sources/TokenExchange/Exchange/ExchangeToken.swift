// TokenExchange: the domain. A NewStore identity token goes in, an external identity comes out, and its session is
// stored.
//
// This target does no I/O and knows no C, NIO or HTTP. What it needs from outside is a protocol (a port), declared next
// to the code that calls it and implemented by another target: TokenVerifier, TokenSigner, IssuerKeySource,
// ClaimsReader, RecordSealer, SessionStore, RevocationStore, SharedRecords, UpstreamTokenSource. Time and randomness
// are passed in.
//
// Its folders are floors; each knows only those before it:
//
//   1. Text, Time, Waiting: text compared by its bytes, times within bounds, callers that wait for each other
//   2. JSON, Addresses, Patterns, Outcomes: the strict JSON reader, regular expressions, refusals and failures
//   3. Tokens: a JWS before and after its signature was checked
//   4. Claims, Keys: claims of a verified token, issuers' keys, our own keys and their rotation
//   5. Providers: the configuration of tenants and identity providers
//   6. Sessions, Verification: what is stored and how it is sealed; the rules that a token must pass
//   7. Upstream, Verifiers: tokens of internal services; who may ask about tokens
//   8. Revocation
//   9. Exchange, Introspection, InMemory: the use cases, and a store in memory
//  10. Explanation: `token explain`
//
// Begin with ExchangeToken below: it calls VerifyIdentityToken, then MintedExchange or UpstreamExchange. The other use
// cases are IntrospectSession and RevokeSession.

/// The main job: an identity token in, an external identity out, a session in the store.
///
/// A class, as the other use cases that may wait: a frame would have room for a copy of what it is called on.
package final class ExchangeToken: Sendable {
    private let verify: VerifyIdentityToken
    private let mint: MintedExchange
    private let fetch: UpstreamExchange
    private let ledger: (any ExchangeLedger)?
    private let time: TimeSource

    /// - Parameters:
    ///   - mint: for providers whose tokens are made here.
    ///   - fetch: for providers whose tokens come from an internal service.
    ///   - ledger: nil if nobody writes down who got an external identity.
    package init(
        verify: VerifyIdentityToken, mint: MintedExchange, fetch: UpstreamExchange,
        ledger: (any ExchangeLedger)? = nil, time: TimeSource
    ) {
        self.verify = verify
        self.mint = mint
        self.fetch = fetch
        self.ledger = ledger
        self.time = time
    }

    /// The provider's ``FailureMode`` decides what becomes of our own failures; refusals are the same in both modes.
    package func callAsFunction(_ request: ExchangeRequest) async -> ExchangeOutcome {
        do throws(ExchangeStop) {
            let login = try await verified(request, at: time.now())
            // After the verdict on the token, which no failure of ours may change.
            try checkLedger()
            let outcome =
                if case .minted(let kind) = request.provider.token.kind {
                    try await mint(kind, for: login)
                } else {
                    try await outcome(of: login)
                }
            if ledger != nil { try await record(outcome, of: request) }
            return outcome
        } catch { return Self.outcome(of: error, request.provider.mode) }
    }

    // What does not wait, or hardly ever happens, is not inlined: what it needs would be kept in the frame of its caller.

    @inline(never)
    private func checkLedger() throws(ExchangeStop) {
        do { try ledger?.check() } catch { throw .failed(error) }
    }

    @inline(never)
    private static func outcome(of stop: ExchangeStop, _ mode: FailureMode) -> ExchangeOutcome {
        switch (stop, mode) {
        case (.refused(let refusal, let difference), _): .refused(refusal, clockDifference: difference)
        case (.failed(let failure), .strict): .failed(failure)
        case (.failed(let failure), .optional): .degraded(nil, failure)
        }
    }

    /// With any recipe: that of an internal service takes much room.
    @inline(never)
    private func outcome(of login: VerifiedLogin) async throws(ExchangeStop) -> ExchangeOutcome {
        switch login.request.provider.token.kind {
        case .minted(let kind): try await mint(kind, for: login)
        case .upstream(let recipe): .issued(try await fetch(recipe, for: login), tenant: login.identity.tenant.name)
        }
    }

    @inline(never)
    private func record(_ outcome: ExchangeOutcome, of request: ExchangeRequest) async throws(ExchangeStop) {
        guard let ledger else { return }
        let failure: Failure? = if case .degraded(_, let failure) = outcome { failure } else { nil }
        do {
            try await ledger.record(request, degradedBy: failure, within: request.remainder(at: time.elapsed()))
        } catch { throw .failed(error) }
    }

    private func verified(_ request: ExchangeRequest, at now: UnixTime) async throws(ExchangeStop) -> VerifiedLogin {
        let start = time.elapsed()
        do throws(ExchangeStop) {
            let identity = try await verify(
                request.identityToken, for: request.provider, at: now, source: request.source, report: request.report,
                within: try request.budget(before: "verify", at: time.elapsed()))
            return VerifiedLogin(
                identity: identity, request: request, verifiedAt: now,
                verificationEnd: request.report.end(.verify, since: start, time))
        } catch {
            request.report.end(.verify, since: start, time)
            throw error
        }
    }
}

/// An exchange whose identity token is genuine and acceptable.
struct VerifiedLogin: Sendable {
    let identity: VerifiedIdentity
    let request: ExchangeRequest
    /// The session's time of issue. Taken before any service is called, so that a revocation during the call ends this
    /// session too.
    let verifiedAt: UnixTime
    /// By ``TimeSource/elapsed``: minting, which comes next, is measured from here.
    let verificationEnd: Duration
}

/// One exchange, as the callback or `POST /token` asks for it. A class, because each step holds on to it.
package final class ExchangeRequest: Sendable, Redacted {
    package let report: ExchangeReport
    package let provider: IdentityProvider
    /// By ``TimeSource/elapsed``; the provider's deadline starts here.
    package let arrivedAt: Duration
    /// Nil if the request did not come over a network.
    package let source: RequestSource?
    package let trace: RequestTrace

    package init(
        identityToken: IdentityToken, device: ExactText, provider: IdentityProvider, arrivedAt: Duration,
        source: RequestSource? = nil, trace: RequestTrace = RequestTrace()
    ) {
        self.source = source
        self.trace = trace
        report = ExchangeReport(identityToken: identityToken, device: device)
        self.provider = provider
        self.arrivedAt = arrivedAt
    }

    package var identityToken: IdentityToken { report.identityToken }
    /// As the app names it; may be empty.
    package var device: ExactText { report.device }

    /// How long the session store may take: a strict login waits as long as its deadline allows, an optional one goes
    /// on without the store after `patience`.
    func storeBudget(
        before operation: String, at now: Duration, patience: Duration
    ) throws(ExchangeStop) -> Duration {
        let remaining = try budget(before: operation, at: now)
        switch provider.mode {
        case .strict: return remaining
        case .optional: return min(remaining, patience)
        }
    }

    /// What is left of the provider's deadline, without the time that it takes to send the answer.
    /// - Throws: `deadlineExceeded` if nothing is left.
    func budget(before operation: String, at now: Duration) throws(ExchangeStop) -> Duration {
        let remaining = remainder(at: now)
        guard remaining > .zero else {
            throw .failed(Failure(.deadlineExceeded, operation: operation, cause: "\(provider.deadline) have passed"))
        }
        return remaining
    }

    /// The same; not positive if nothing is left.
    fileprivate func remainder(at now: Duration) -> Duration {
        arrivedAt + provider.deadline - provider.answerTime - now
    }
}

/// How an exchange ended.
package enum ExchangeOutcome: Sendable {
    /// The session is stored.
    case issued(IssuedIdentity, tenant: ExactText)
    /// We failed, but the login of an optional provider must go on: without a token, or with one whose session is not
    /// stored yet.
    case degraded(IssuedIdentity?, Failure)
    /// We failed, and the provider is strict.
    case failed(Failure)
    /// - Parameter clockDifference: our clock minus the time in the token; nil if the refusal is not about time.
    case refused(Refusal, clockDifference: Duration? = nil)
}
