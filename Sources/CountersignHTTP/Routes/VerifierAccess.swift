import HTTPTypes
import TokenExchange

/// Authenticates verifiers. A verifier that has proved who it is may ask as often as it likes, because a back end asks
/// for all its users from one address.
struct VerifierAccess {
    let verifiers: @Sendable () -> VerifierDirectory
    let limiter: RateLimiter

    /// - Parameter answer: called with the verifier, once its credentials are found good.
    func reply(
        to request: IncomingRequest, by answer: (IncomingRequest, Verifier) async throws -> Reply
    ) async throws -> Reply {
        let (verifier, isBearer) = try verifier(of: request)
        do {
            let reply = try await answer(request, verifier)
            reply.notes.verifier = verifier.id
            return reply
        } catch { throw Self.problem(error, of: verifier, isBearer: isBearer) }
    }

    // What does not wait is not inlined: what it needs for a moment would be kept in the frame of ``reply(to:by:)``.

    @inline(never)
    private static func problem(_ error: any Error, of verifier: Verifier, isBearer: Bool) -> Problem {
        var problem = Problem(error)
        problem.verifier = verifier.id
        // RFC 6750 §3.1.
        let isInsufficient = isBearer && problem.code == .revocationNotAllowed
        return isInsufficient ? problem.with([.wwwAuthenticate: #"Bearer error="insufficient_scope""#]) : problem
    }

    @inline(never)
    private func verifier(of request: IncomingRequest) throws -> (Verifier, isBearer: Bool) {
        let authorization = request.head.headerFields[.authorization]
        let isBearer = authorization.flatMap { AuthorizationScheme.bearer.credentials(in: Array($0.utf8)) } != nil
        let credentials = VerifierCredentials(authorization: authorization)
        let refusal = credentials == nil ? RequestRefusal.credentialsAbsent : .credentialsWrong
        let ids = credentials?.candidates.map { ExactText(bytes: $0.id) } ?? []
        let verifier = try limiter.verifier(claiming: ids, from: request.source, reason: LabelValue(refusal)) {
            credentials.flatMap(verifiers().verifier)
        }
        if let verifier { return (verifier, isBearer) }
        let bearer = isBearer ? ErrorCode.refusedBearerToken : "Bearer"
        throw Problem(refusal)
            .with([.wwwAuthenticate: #"Basic realm="countersign", charset="UTF-8", \#(bearer)"#])
    }
}
