package import CountersignHTTP
package import TokenExchange

/// What to do about what can go wrong on our side: words that the status page, `countersign doctor`, `countersign support`
/// and `docs/errors.md` share. Those about tokens are in the rules (``VerificationRule``).
package enum Remedy {
    package static let advanceKeys = "Run `countersign keys advance`, and see why cron does not."
    package static let synchronizeClock = "Synchronize this machine's clock; clock_skew is no cure."
    package static let renewCertificate = "Put a new one in its place and reload with SIGHUP."
    package static let raiseDeferred = "Repair the store; raise sessions.deferred if outages may last longer."
    package static let repairKeyDirectory =
        "See `countersign keys list`: repair signing.directory, or make a key with `countersign keys generate`."
    package static let reachIssuer = "See that this machine may reach it, and that the URL is right."
    package static let repeatProbe =
        "See what `countersign probe` says; if a bad token was accepted, treat it as a breach."
    package static let reachService = "See that the internal service runs, and that this machine may reach it."
    package static let writeAudit =
        "See that the file's folder can be written and that its disk has room; the log says what failed. No restart is needed."
}

extension SessionStoreFailure.Cause {
    /// For the operator of the store.
    package var remedy: String {
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

extension ErrorCode {
    /// What to do about it: for a refused token, what the rule says that it broke.
    /// - Parameter reason: the precise one, as in the log; nil if the code says it all.
    package func remedy(for reason: String?) -> String {
        // That of a barred source is why it was barred.
        if let refusal = reason.flatMap(Refusal.init), ErrorCode(refusal) == self,
            let rule = ExplainToken.rule(brokenBy: refusal)
        {
            return rule.remedy
        }
        return reason == RequestRefusal.noBearerToken.rawValue && self == .tokenRejected
            ? "The page sent no external identity: open it from the app again." : remedy
    }

    private var remedy: String {
        switch self {
        case .invalidRequest, .methodNotAllowed, .notFound, .headTooLarge:
            "Whoever sent it must send what docs/endpoints.md says of this path."
        case .unsupportedMediaType:
            "The Content-Type must be application/json, of forms application/x-www-form-urlencoded, and no body compressed."
        case .bodyTooLarge: "Send less, or raise limits.body_bytes."
        case .tokenRejected: "Log in again: the session has expired, was revoked, or was not made here."
        case .tokenExpired, .tokenNotYetValid, .tokenTooOld, .tokenKindNotAllowed, .audienceNotAllowed,
            .partyNotAllowed, .tenantNotAllowed, .conditionNotMet, .claimMissing:
            "See what `countersign token explain` says of such a token."
        case .verifierRejected: "Compare the caller's id and secret with verifiers[] of the configuration."
        case .operationsSecretRejected: "Compare the caller's secret with listen.operations.bearer."
        case .overloaded: "Try again; if it lasts, see what is slow, and add a replica."
        case .revocationNotAllowed: "Give this verifier may_revoke, if it is meant to."
        case .identityProviderUnknown:
            "Compare the URL that was called with identity_providers[].name and hosts; `countersign app-config` prints the right ones."
        case .rateLimited:
            "See what was refused before; if the address is a load balancer's, list it in listen.trusted_proxies."
        case .mintFailed:
            "The log says why. Raise token.maximum_bytes or map fewer claims, or repair the signing key; else report it."
        case .upstreamRefused:
            "Ask those who run the internal service; `countersign upstream try` calls it once and shows what it says."
        case .upstreamUnavailable: Remedy.reachService
        case .issuerKeysUnavailable: "Try again; `countersign doctor` fetches the issuer's keys and says what is wrong."
        case .sessionStoreUnavailable: "Try again; `countersign doctor` tries the store and says what is wrong."
        case .deadlineExceeded:
            "Try again; see in the log and the metrics what was slow, and compare it with the provider's deadline."
        }
    }
}
