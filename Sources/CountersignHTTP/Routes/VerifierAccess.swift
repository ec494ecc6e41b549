import HTTPTypes
import TokenExchange

/// Lets verifiers in, and nobody else. Whoever proves to be one may ask as often as it likes: a back end is one address for all
/// of its users.
struct VerifierAccess {
    let verifiers: @Sendable () -> VerifierDirectory
    let limiter: RateLimiter

    func reply(
        to request: IncomingRequest, by answer: (IncomingRequest, Verifier) async throws(Problem) -> Reply
    ) async throws(Problem) -> Reply {
        let authorization = request.head.headerFields[.authorization]
        let isBearer = authorization.flatMap { AuthorizationScheme.bearer.credentials(in: Array($0.utf8)) } != nil
        let verifier = try verifier(of: request, authorization: authorization, isBearer: isBearer)
        do throws(Problem) {
            var reply = try await answer(request, verifier)
            reply.notes.verifier = verifier.id
            return reply
        } catch {
            var problem = error
            problem.verifier = verifier.id
            // RFC 6750 §3.1.
            let isInsufficient = isBearer && problem.code == .revocationNotAllowed
            throw isInsufficient ? problem.with([.wwwAuthenticate: #"Bearer error="insufficient_scope""#]) : problem
        }
    }

    private func verifier(
        of request: IncomingRequest, authorization: String?, isBearer: Bool
    ) throws(Problem) -> Verifier {
        let credentials = VerifierCredentials(authorization: authorization)
        let reason = credentials == nil ? "credentials_absent" : "credentials_wrong"
        let verifier: Verifier?
        do {
            verifier = try limiter.verifier(
                claiming: credentials?.candidates.map { ExactText(bytes: $0.id) } ?? [], from: request.source,
                reason: reason
            ) { credentials.flatMap(verifiers().verifier) }
        } catch { throw Problem(error) }
        if let verifier { return verifier }
        let bearer = isBearer ? ErrorCode.refusedBearerToken : "Bearer"
        throw Problem(.verifierRejected, reason: reason)
            .with([.wwwAuthenticate: #"Basic realm="countersign", charset="UTF-8", \#(bearer)"#])
    }
}
