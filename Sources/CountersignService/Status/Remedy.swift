import TokenExchange

/// What to do about what can go wrong on our side: words that the status page and `countersign doctor` share. Those about
/// tokens are in the rules (``VerificationRule``).
enum Remedy {
    static let advanceKeys = "Run `countersign keys advance`, and see why cron does not."
    static let synchronizeClock = "Synchronize this machine's clock; clock_skew is no cure."
    static let renewCertificate = "Put a new one in its place and reload with SIGHUP."
    static let raiseDeferred = "Repair the store; raise sessions.deferred if outages may last longer."
    static let repairKeyDirectory =
        "See `countersign keys list`: repair signing.directory, or make a key with `countersign keys generate`."
    static let reachIssuer = "See that this machine may reach it, and that the URL is right."
    static let repeatProbe = "See what `countersign probe` says; if a bad token was accepted, treat it as a breach."
    static let reachService = "See that the internal service runs, and that this machine may reach it."
}

extension SessionStoreFailure.Cause {
    /// For the operator of the store.
    var remedy: String {
        switch self {
        case .refused(let code) where code.hasPrefix("NOPERM"):
            "Give the user every right that docs/operations.md lists for Redis, on the keys of key_prefix."
        case .refused(let code) where code.hasPrefix("OOM"):
            "Give Redis more memory: it is full, and rightly forgets nothing."
        case .refused, .unexpectedReply: "See Redis' own log, and that it is Redis 7.0 or later, or Valkey."
        case .notConnected: "See that Redis runs, and that sessions.redis has its address, password and certificates."
        case .notReplicated: "Connect the replicas that wait_replicas waits for, or lower it."
        case .timedOut, .overloaded: "See what keeps Redis or the network busy."
        }
    }
}

extension Failure.Kind {
    /// For the operator, who finds the cause in the log.
    var remedy: String {
        switch self {
        case .mintFailed: "The log says why. Raise maximum_bytes or map fewer claims, or repair the signing key."
        case .upstreamRefused: "The log says why. Try the internal service with `countersign upstream try`."
        case .upstreamUnavailable: Remedy.reachService
        case .issuerKeysUnavailable: Remedy.reachIssuer
        case .sessionStoreUnavailable: SessionStoreFailure.Cause.notConnected(detail: "").remedy
        case .deadlineExceeded: "See in the metrics which part takes so long, or raise the provider's deadline."
        }
    }
}
