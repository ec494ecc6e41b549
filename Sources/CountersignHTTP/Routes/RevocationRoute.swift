import HTTPTypes
import TokenExchange

/// `POST /revoke` (RFC 7009): a verifier ends the session of an external identity.
struct RevocationRoute {
    let revoke: RevokeSession
    let bodyLimit: Int

    /// Answers 200 whether or not the token was known (RFC 7009 §2.2).
    func reply(to request: IncomingRequest, from verifier: Verifier) async throws -> Reply {
        guard verifier.revocation != .none else { throw Problem(.revocationNotAllowed) }
        let token = try await request.collectToken(upTo: bodyLimit)
        let session = try await revoke(token, by: verifier, log: request.span?.log)
        let reply = Reply(status: .ok, headers: [.cacheControl: "no-store"])
        reply.notes.ended = .one(session, of: token)
        return reply
    }
}

extension IncomingRequest {
    /// The field `token` of a form. An empty token is a token that nobody knows; a form without the field is a bad
    /// request (RFC 7009 §2.1, RFC 7662 §2.1).
    func collectToken(upTo limit: Int) async throws -> ExternalIdentity {
        guard let token = try await collectForm(upTo: limit).value("token") else {
            throw Problem(.tokenAbsent)
        }
        return ExternalIdentity(bytes: token)
    }
}
