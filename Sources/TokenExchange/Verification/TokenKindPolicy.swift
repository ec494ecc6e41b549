/// Keeps apart the kinds of tokens that one issuer signs with one key (RFC 8725 §3.11, §3.12).
enum TokenKindPolicy: IdentityPolicy {
    static let rules = [
        VerificationRule(
            name: "header_type", refusals: [.headerTypeNotAllowed],
            expected: { _ in "JWT or at+jwt, with or without application/, or absent" }, found: \.headerType,
            remedy: "Send an access token; its header's typ is JWT or at+jwt."),
        VerificationRule(
            name: "token_kind", refusals: [.tokenKindNotAllowed], claims: { _ in ["typ"] },
            expected: {
                $0.byTenant { "typ: one of \(ExplainedToken.list($0.tokenKinds)); absent counts as Bearer" }
            },
            found: \.kind, remedy: "Send the access token, or list the kind in tenants[].token_kinds."),
        VerificationRule(
            name: "service_account", refusals: [.serviceAccountNotAllowed],
            claims: { $0.allowsServiceAccounts ? [] : ["preferred_username"] },
            expected: { $0.byTenant { $0.allowsServiceAccounts ? "anybody" : "no service account" } },
            found: { $0.claim("preferred_username") },
            remedy: "Send an associate's token, or set tenants[].allow_service_accounts."),
        VerificationRule(
            name: "sender_constraint", refusals: [.senderConstrained], expected: { _ in "no cnf" },
            found: { $0.claim("cnf") }, remedy: "Have the issuer issue a bearer token to this client."),
    ]

    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal? {
        let rules = identity.tenant.rules
        guard isAllowed(identity.headerType ?? "JWT") else { return .headerTypeNotAllowed }
        guard let kind = identity.claims["typ"].map(\.string) ?? "Bearer", rules.tokenKinds.contains(kind) else {
            return .tokenKindNotAllowed
        }
        if !rules.allowsServiceAccounts, isServiceAccount(identity) { return .serviceAccountNotAllowed }
        // RFC 7800: only the holder of another key may use it, and there is no way to prove that here.
        return identity.has("cnf") ? .senderConstrained : nil
    }

    /// Keycloak names these accounts after their client, and adds where the client called from. RFC 9068 §2.2 puts
    /// `client_id` into every access token, so it is a sign only if there is no user's session.
    private static func isServiceAccount(_ identity: VerifiedIdentity) -> Bool {
        if identity.claims["preferred_username"]?.string?.hasPrefix("service-account-") == true { return true }
        if identity.has("clientHost") || identity.has("clientAddress") { return true }
        return identity.has("client_id") && !identity.has("sid") && !identity.has("session_state")
    }

    private static func isAllowed(_ type: ExactText) -> Bool {
        // As Keycloak writes it.
        type == "JWT" || headerTypes.contains(type.lowercasedASCII)
    }

    /// Media types compare case-insensitively, and `application/` may be left out (RFC 7515 §4.1.9); `at+jwt` is from
    /// RFC 9068 §4.
    private static let headerTypes: Set<ExactText> = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]
}
