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

    private func isServiceAccount(_ claims: ClaimsSet) -> Bool {
        claims["preferred_username"]?.string?.hasPrefix("service-account-") == true
            || claims["client_id"] != nil || claims["clientHost"] != nil
    }

    /// Media types compare case-insensitively (RFC 7515 §4.1.9).
    private static let headerTypes: Set<ExactText> = ["jwt", "at+jwt"]
    static let claimNames: [ExactText] = ["typ", "preferred_username", "client_id", "clientHost", "cnf"]
}
