import FoundationEssentials
package import JOSE
package import ServiceConfiguration
import TokenExchange

/// Makes the identity tokens of a probe: a good one, and for each rule that is tried one that breaks it alone.
package struct ProbeTokens: Sendable {
    /// Whose sessions the probe's are.
    static let subject: ExactText = "countersign-probe"
    /// From `iat` to `exp`: no longer than one probe needs, for then the store forgets what it has of it.
    private static let lifetime: Int64 = 60

    private let issuer: ExactText
    private let rules: TenantRules
    private let signer: OpenSSLTokenSigner

    package init(_ tenant: TenantSettings, signer: OpenSSLTokenSigner) {
        issuer = tenant.issuer
        rules = tenant.rules
        self.signer = signer
    }

    /// - Parameter step: says what is wrong with the token; nothing is if the step has no refusal.
    func token(for step: ProbeStep, at now: UnixTime) throws(ProbeFault) -> String {
        switch step {
        case .expired:
            let age = Duration.seconds(2 * Self.lifetime) + rules.clockSkew
            return text(of: try signed(claims(issuedAt: now - age)))
        case .badSignature:
            // Another `jti`, so that the signature is a good one of another token.
            let (token, other) = (try signed(claims(issuedAt: now)), try signed(claims(issuedAt: now)))
            return text(of: (token.input, other.signature))
        case .wrongKind:
            let kind: ExactText = rules.tokenKinds.contains("ID") ? "Refresh" : "ID"
            return text(of: try signed(claims(issuedAt: now, kind: kind)))
        case .login, .introspection, .revocation, .revoked:
            return text(of: try signed(claims(issuedAt: now)))
        }
    }

    private func claims(issuedAt: UnixTime, kind: ExactText? = nil) -> JSONValue {
        let issuedAt = issuedAt.wholeSeconds
        let usual: ExactText = rules.tokenKinds.contains("Bearer") ? "Bearer" : rules.tokenKinds.min() ?? "Bearer"
        return .object([
            .init("exp", .number(literal: String(issuedAt + Self.lifetime))),
            .init("iat", .number(literal: String(issuedAt))),
            .init("jti", .string(UUID().uuidString.lowercased())),
            .init("iss", .string(issuer)),
            .init("aud", .string(rules.audiences.min() ?? Self.subject)),
            .init("sub", .string(Self.subject)),
            .init("typ", .string(kind ?? usual)),
            .init("azp", .string(rules.authorizedParties.min() ?? Self.subject)),
            .init("sid", .string(UUID().uuidString.lowercased())),
        ])
    }

    private func signed(_ claims: JSONValue) throws(ProbeFault) -> (input: [UInt8], signature: [UInt8]) {
        var input = signer.header + [UInt8(ascii: ".")]
        Base64URL.append(claims.text, to: &input)
        do { return (input, try signer.signature(over: input)) } catch {
            throw ProbeFault("the probe's own key cannot sign: \(error.cause)")
        }
    }

    private func text(of token: (input: [UInt8], signature: [UInt8])) -> String {
        String(decoding: token.input + [UInt8(ascii: ".")] + Base64URL.encode(token.signature), as: UTF8.self)
    }
}
