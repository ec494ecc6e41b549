import CLibJWT
package import TokenExchange

extension LibJWTSecondOpinion {
    /// The top-level names that libjwt (jansson) reads in a claims set, in its order; nil if it cannot read it.
    ///
    /// Laxer than our scanner: it stops at a NUL.
    package func names(ofClaims text: consuming [UInt8]) -> [ExactText]? {
        guard let token = unsafe LibJWTClaimsReader.token(claims: &text) else { return nil }
        defer { unsafe jwt_free(token) }
        guard let claims = unsafe jwt_get_grants_json(token, nil) else { return nil }
        defer { unsafe free(claims) }
        let bytes = unsafe Array(String(cString: claims).utf8)
        return try? JSONObject(bytes, limits: JSONLimits(depth: .max, members: .max)).names
    }
}
