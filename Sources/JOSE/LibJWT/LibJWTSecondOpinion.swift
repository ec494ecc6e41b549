import CLibJWT
package import TokenExchange

/// What libjwt, with its own parser and its own use of OpenSSL, says about a token's signature.
///
/// Never a reason to trust a token: libjwt takes the algorithm from the token, so it must also be the expected one to
/// be accepted.
package struct LibJWTSecondOpinion: Sendable {
    /// Of a signature.
    package enum Opinion: Sendable, Equatable {
        case accepted
        /// Also for good tokens that libjwt refuses, such as those with a header `typ` other than `JWT`.
        case refused
        /// libjwt 1.10 knows neither PS256, PS384, PS512 nor EdDSA.
        case abstained
    }

    package init() {}

    /// - Parameter algorithm: what the token's `alg` must be.
    package func opinion(
        on compactToken: [UInt8], publicKeyPEM: [UInt8], algorithm: SignatureAlgorithm
    ) -> Opinion {
        guard let expected = Self.name(of: algorithm) else { return .abstained }
        let dots = compactToken.count { $0 == UInt8(ascii: ".") }
        guard !compactToken.contains(0), dots == 2, !publicKeyPEM.isEmpty else { return .refused }
        var token: OpaquePointer?  // <jwt_t>
        let text = compactToken.map(CChar.init(bitPattern:)) + [0]
        guard unsafe jwt_decode(&token, text, publicKeyPEM, Int32(publicKeyPEM.count)) == 0 else { return .refused }
        defer { unsafe jwt_free(token) }
        return unsafe jwt_get_alg(token) == expected ? .accepted : .refused
    }

    private static func name(of algorithm: SignatureAlgorithm) -> jwt_alg_t? {
        switch algorithm {
        case .rs256: JWT_ALG_RS256
        case .rs384: JWT_ALG_RS384
        case .rs512: JWT_ALG_RS512
        case .es256: JWT_ALG_ES256
        case .es384: JWT_ALG_ES384
        case .es512: JWT_ALG_ES512
        case .ps256, .ps384, .ps512, .edDSA: nil
        }
    }
}
