/// The main job: an identity token in, an external identity out, a session in the store.
package struct ExchangeToken: Sendable {
    private let verify: VerifyIdentityToken
    private let mint: MintedExchange
    private let fetch: UpstreamExchange
    private let time: TimeSource

    /// - Parameters:
    ///   - mint: for providers whose tokens are made here.
    ///   - fetch: for providers whose tokens come from an internal service.
    package init(verify: VerifyIdentityToken, mint: MintedExchange, fetch: UpstreamExchange, time: TimeSource) {
        self.verify = verify
        self.mint = mint
        self.fetch = fetch
        self.time = time
    }

    package func callAsFunction(_ request: ExchangeRequest) async -> ExchangeOutcome {
        do throws(ExchangeStop) {
            let now = time.now()
            let identity = try await verify(
                request.identityToken, for: request.provider, at: now, source: request.source,
                within: try request.budget(before: "verify", at: time.elapsed()))
            let login = VerifiedLogin(identity: identity, request: request, verifiedAt: now)
            switch request.provider.token.kind {
            case .minted(let kind): return try await mint(kind, for: login)
            case .upstream(let recipe):
                return .issued(try await fetch(recipe, for: login), tenant: identity.tenant.name)
            }
        } catch {
            switch (error, request.provider.mode) {
            case (.refused(let refusal, let difference), _): return .refused(refusal, clockDifference: difference)
            case (.failed(let failure), .strict): return .failed(failure)
            case (.failed(let failure), .optional): return .degraded(nil, failure)
            }
        }
    }
}

/// An exchange whose identity token is genuine and acceptable.
struct VerifiedLogin: Sendable {
    let identity: VerifiedIdentity
    let request: ExchangeRequest
    /// Before any service was asked: what is revoked while one is, ends this session too.
    let verifiedAt: UnixTime
}

/// What a caller asks for.
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
