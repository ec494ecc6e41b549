import JOSE
import TestSupport
import TokenExchange

/// From the bytes of an identity token to the claims of the external one.
enum TokenParts {
    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let (token, jws, claims) = (login.token.bytes, login.unverified.jws, login.identity.claims)
        try await bench.measure("JWS scan: segments, base64url, header") {
            try CompactJWS(token, limits: TokenLimits())
        }
        try await bench.measure("JSON scan: the claims set") { try JSONObject(jws.payload, limits: JSONLimits()) }
        try await bench.measure("verify: RS256, 2048 bits") {
            guard jws.isSigned(by: TestKeys.rs256.verifier) else {
                throw ProgramFailure(description: "the signature is not good")
            }
        }
        try await bench.measure("claims: \(login.claimNames.count) read, strings by libjwt too") {
            try LibJWTClaimsReader.claims(login.claimNames, in: login.unverified.claims)
        }
        let mappings = login.provider.token.claims
        try await bench.measure("map: \(mappings.count) claims") {
            for mapping in mappings {
                guard try mapping.resolve(in: claims) != nil else {
                    throw ProgramFailure(description: "\(mapping.name) is absent")
                }
            }
        }
    }
}
