import CountersignHTTP

/// One thing that a probe does; in this order.
package enum ProbeStep: String, Sendable, CaseIterable {
    /// A good token is exchanged.
    case login
    /// A verifier is told that the external identity is good.
    case introspection
    case revocation
    /// The verifier is told that it is no longer good.
    case revoked
    /// A token of some minutes ago.
    case expired
    /// A good token with the signature of another one.
    case badSignature = "bad_signature"
    /// A token that is no access token.
    case wrongKind = "wrong_kind"

    /// How a token that must not be exchanged is refused; nil for the steps of the good one.
    var refusal: ErrorCode? {
        switch self {
        case .login, .introspection, .revocation, .revoked: nil
        case .expired: .tokenExpired
        case .badSignature: .tokenRejected
        case .wrongKind: .tokenKindNotAllowed
        }
    }
}

/// What became of a step.
package enum ProbeOutcome: String, Sendable, CaseIterable {
    case pass
    /// The service did not do what it is there for: associates may be locked out.
    case fail
    /// The service took a token that it must refuse: nobody is locked out who should be.
    case accepted
    /// A step before has failed.
    case skipped
}

/// Why a step is no pass.
struct ProbeFault: Error {
    let outcome: ProbeOutcome
    /// In our own words; holds nothing that the service sent except a status and a code that we know.
    let detail: String

    init(_ detail: String, as outcome: ProbeOutcome = .fail) {
        self.outcome = outcome
        self.detail = detail
    }
}
