import HTTPTypes
package import TokenExchange

/// The secret that requests to the operations listener present as `Authorization: Bearer`. Keeps only a digest, which is
/// compared as those of verifiers are, so the time taken does not depend on what was presented.
package struct OperationsSecret: Sendable {
    private let directory: VerifierDirectory
    /// No configured verifier has it, since names are not empty.
    private static let id: ExactText = ""

    package init(_ secret: String, sealer: any RecordSealer) {
        directory = VerifierDirectory(
            [.init(Verifier(id: Self.id, identityProviders: [], revocation: .none), secret: secret)], sealer: sealer)
    }

    /// Whether the request presents it.
    func isPresented(by request: IncomingRequest) -> Bool {
        guard let token = Self.token(of: request) else { return false }
        return directory.verifier(id: Self.id.bytes, secret: token) != nil
    }

    /// - Throws: a problem if the request does not present it, or its source may not guess any more.
    func check(_ request: IncomingRequest, _ limiter: RateLimiter) throws {
        let hasToken = Self.token(of: request) != nil
        let refusal = hasToken ? RequestRefusal.operationsSecretWrong : .operationsSecretAbsent
        let found = try limiter.verifier(claiming: [Self.id], from: request.source, reason: LabelValue(refusal)) {
            Self.token(of: request).flatMap { directory.verifier(id: Self.id.bytes, secret: $0) }
        }
        guard found == nil else { return }
        throw Problem(refusal)
            .with([.wwwAuthenticate: hasToken ? ErrorCode.refusedBearerToken : "Bearer"])
    }

    private static func token(of request: IncomingRequest) -> [UInt8]? {
        request.head.headerFields[.authorization].flatMap { AuthorizationScheme.bearer.credentials(in: Array($0.utf8)) }
    }
}
