import HTTPTypes
import TokenExchange

/// `POST /introspect` (RFC 7662): a verifier asks about an external identity.
struct IntrospectionRoute {
    let introspect: IntrospectSession
    let providers: IdentityProviderDirectory
    /// The `iss` of every token that we mint.
    let issuer: ExactText
    let bodyLimit: Int
    let admission: AdmissionControl

    /// Answers 200 also for a token that is unknown, expired, revoked, or not for this verifier: `{"active":false}`.
    func reply(to request: IncomingRequest, from verifier: Verifier) async throws -> Reply {
        let token = try await request.collectToken(upTo: bodyLimit)
        try admission.enter(nil)
        defer { admission.leave(nil) }
        return reply(about: try await introspect(token, for: verifier, log: request.span?.log))
    }

    /// Not inlined: what it needs for a moment would be kept in the frame of ``reply(to:from:)``.
    @inline(never)
    private func reply(about status: SessionStatus) -> Reply {
        let reply = Reply.json(text(of: status))
        guard let record = status.session?.record else { return reply }
        reply.notes.identityProvider = providers.named(record.identityProvider).map { ConfiguredName($0) }
        reply.notes.session = record
        return reply
    }

    private func text(of status: SessionStatus) -> [UInt8] {
        switch status {
        case .active(let session): text(of: session, isConfirmed: true)
        case .unconfirmed(let session): text(of: session, isConfirmed: false)
        case .inactive: Array(#"{"active":false}"#.utf8)
        }
    }

    /// RFC 7662 §2.2. The claims of a JWT are answered unchanged; for an opaque token, the claims that a JWT would
    /// have.
    private func text(of session: LiveSession, isConfirmed: Bool) -> [UInt8] {
        var members = JSONObjectWriter(capacity: 768)
        members.add("active", .bool(true))
        if !isConfirmed { members.add("session", "unconfirmed") }
        if let claims = session.tokenClaims {
            members.add(membersOf: claims)
        } else {
            let record = session.record
            members.add("iss", issuer)
            members.add("sub", record.subject)
            members.add("aud", record.identityProvider)
            members.add("iat", record.issuedAt.wholeSeconds)
            members.add("exp", record.expiresAt)
            members.add("jti", record.tokenID)
            members.add("identity_provider", record.identityProvider)
            members.add("tenant", record.tenant)
            for claim in record.claims { members.add(claim) }
        }
        return members.finish()
    }
}
