import HTTPTypes
import TokenExchange

/// Lets verifiers in, and nobody else. Whoever proves to be one may ask as often as it likes: a back end is one address for all
/// of its users.
struct VerifierAccess {
    let verifiers: @Sendable () -> VerifierDirectory
    let limiter: RateLimiter

    func reply(
        to request: IncomingRequest, by answer: (Verifier) async throws(Problem) -> Reply
    ) async throws(Problem) -> Reply {
        let verifier = try verifier(of: request)
        do throws(Problem) {
            var reply = try await answer(verifier)
            reply.notes.verifier = verifier.id
            return reply
        } catch {
            var problem = error
            problem.verifier = verifier.id
            throw problem
        }
    }

    private func verifier(of request: IncomingRequest) throws(Problem) -> Verifier {
        let credentials = VerifierCredentials(authorization: request.head.headerFields[.authorization])
        let reason = credentials == nil ? "credentials_absent" : "credentials_wrong"
        let verifier: Verifier?
        do {
            verifier = try limiter.verifier(
                claiming: credentials?.candidates.map { ExactText(bytes: $0.id) } ?? [], from: request.source,
                reason: reason
            ) { credentials.flatMap(verifiers().verifier) }
        } catch { throw Problem(error) }
        if let verifier { return verifier }
        throw Problem(.verifierRejected, reason: reason)
    }
}
