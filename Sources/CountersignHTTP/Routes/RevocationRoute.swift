import HTTPTypes
import TokenExchange

/// `POST /revoke` (RFC 7009): a verifier ends the session of an external identity.
struct RevocationRoute {
    let revoke: RevokeSession
    let bodyLimit: Int

    /// Whether the token was known is no business of the answer (RFC 7009 §2.2).
    func reply(to request: IncomingRequest, from verifier: Verifier) async throws(Problem) -> Reply {
        guard verifier.revocation != .none else { throw Problem(.revocationNotAllowed) }
        let token = try await request.collectToken(upTo: bodyLimit)
        do { try await revoke(token, by: verifier) } catch { throw Problem(error) }
        return Reply(status: .ok, headers: [.cacheControl: "no-store"])
    }
}

extension IncomingRequest {
    /// The field `token` of a form. An empty one is rubbish like any other; an absent one is a mistake in the request
    /// (RFC 7009 §2.1, RFC 7662 §2.1).
    func collectToken(upTo limit: Int) async throws(Problem) -> ExternalIdentity {
        guard let token = try await collectForm(upTo: limit).value("token") else {
            throw Problem(.invalidRequest, reason: "token_absent")
        }
        return ExternalIdentity(bytes: token)
    }
}
