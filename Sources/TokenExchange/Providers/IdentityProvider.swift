/// A named target of the exchange, as in NewStore's `external_integration.post_login_callback_urls`.
package final class IdentityProvider: Sendable {
    /// Also in paths, and the `identity_provider` claim.
    package let name: ExactText
    /// Names of the tenants whose associates may exchange here.
    package let tenants: Set<ExactText>
    package let mode: FailureMode
    /// From the request's arrival to our answer.
    package let deadline: Duration
    /// What of the deadline is kept to send the answer: a tenth of it, at most 50 ms.
    let answerTime: Duration
    /// Hosts whose `POST /` is this provider's callback; lower case, without port.
    package let hosts: [ExactText]
    package let token: TokenRecipe
    /// All must hold.
    package let conditions: [ClaimCondition]
    /// Web origins (RFC 6454) whose pages may read `/session`.
    package let webviewOrigins: [ExactText]
    /// How many of its logins may be in progress; nil if it has no limit of its own.
    package let requestsInProgress: Int?

    /// Whether its tokens come from an internal service.
    package var isUpstream: Bool {
        if case .upstream = token.kind { true } else { false }
    }

    package init(
        name: ExactText, tenants: Set<ExactText>, mode: FailureMode, deadline: Duration, hosts: [ExactText] = [],
        token: TokenRecipe, conditions: [ClaimCondition] = [], webviewOrigins: [ExactText] = [],
        requestsInProgress: Int? = nil
    ) {
        self.name = name
        self.tenants = tenants
        self.mode = mode
        self.deadline = deadline
        answerTime = min(deadline / 10, .milliseconds(50))
        self.hosts = hosts
        self.token = token
        self.conditions = conditions
        self.webviewOrigins = webviewOrigins
        self.requestsInProgress = requestsInProgress
    }
}
