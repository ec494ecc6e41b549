/// Keeps apart the kinds of tokens that one issuer signs with one key (RFC 8725 §3.11, §3.12).
struct TokenKindPolicy: IdentityPolicy {
    let rules: TenantRules

    func refusal(of identity: VerifiedIdentity, at now: UnixTime) -> Refusal? {
        guard Self.headerTypes.contains(identity.headerType?.lowercasedASCII ?? "jwt") else {
            return .headerTypeNotAllowed
        }
        guard let kind = identity.claims["typ"].map(\.string) ?? "Bearer", rules.tokenKinds.contains(kind) else {
            return .tokenKindNotAllowed
        }
        if !rules.allowsServiceAccounts, isServiceAccount(identity.claims) { return .serviceAccountNotAllowed }
        // RFC 7800: only who holds another key may use it, and nobody here can prove that.
        return identity.claims["cnf"] == nil ? nil : .senderConstrained
    }

    /// Keycloak names these accounts after their client, and says from where the client called. RFC 9068 §2.2 has
    /// `client_id` in every access token, so it tells only of a client that has nobody's session.
    private func isServiceAccount(_ claims: ClaimsSet) -> Bool {
        if claims["preferred_username"]?.string?.hasPrefix("service-account-") == true { return true }
        if claims["clientHost"] != nil || claims["clientAddress"] != nil { return true }
        return claims["client_id"] != nil && claims["sid"] == nil && claims["session_state"] == nil
    }

    /// Media types compare case-insensitively, and `application/` may be left out (RFC 7515 §4.1.9); `at+jwt` is of
    /// RFC 9068 §4.
    private static let headerTypes: Set<ExactText> = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]
    static let claimNames: [ExactText] = [
        "typ", "preferred_username", "client_id", "clientHost", "clientAddress", "sid", "session_state", "cnf",
    ]
}
