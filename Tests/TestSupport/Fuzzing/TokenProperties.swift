import JOSE
import TokenExchange

enum TokenProperties {
    private static let limits = TokenLimits(tokenBytes: 8192)
    private static let dot = UInt8(ascii: ".")

    /// Reads `input` as a token, and its lines as header and claims of one: mutations seldom survive base64url.
    static func check(_ input: [UInt8]) throws(BrokenProperty) {
        try checkToken(input)
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard lines.count == 2 else { return }
        let signature = Base64URL.encode([UInt8](repeating: 0x5A, count: 64))
        try checkToken(
            Base64URL.encode(Array(lines[0])) + [dot] + Base64URL.encode(Array(lines[1])) + [dot] + signature)
    }

    private static func checkToken(_ input: [UInt8]) throws(BrokenProperty) {
        let token: UnverifiedToken
        do { token = try UnverifiedToken(input, limits: limits) } catch { return }
        try require(input.count <= limits.tokenBytes, "a token keeps its limit")
        try require(token.jws.bytes == input, "a token is what arrived")
        let segments = input.split(separator: dot, omittingEmptySubsequences: false).map(Array.init)
        try require(segments.count == 3 && !segments.contains([]), "a token has three segments")
        let signingInputCount = segments[0].count + 1 + segments[1].count
        try require(token.jws.signingInputCount == signingInputCount, "header and payload are what was signed")
        try require(Base64URL.encode(token.jws.signature) == segments[2], "a signature has one text alone")
        try checkHeader(of: token, segments[0])
        try checkIssuer(of: token, segments[1])
    }

    /// Reads the header by the other way through the scanner.
    private static func checkHeader(of token: UnverifiedToken, _ segment: [UInt8]) throws(BrokenProperty) {
        let header = try value(segment)
        guard case .object(let members) = header else { throw BrokenProperty(description: "a header is an object") }
        let forbidden: Set<ExactText> = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"]
        try require(members.allSatisfy { !forbidden.contains($0.name) }, "no header brings keys or extensions")
        try require(header["alg"]?.string == ExactText(token.jws.algorithm.rawValue), "the algorithm is the header's")
        try require(header["kid"]?.string == token.jws.keyID, "the key ID is the header's")
        try require(header["typ"]?.string == token.jws.type, "the type is the header's")
        if let keyID = token.jws.keyID {
            try require(1...128 ~= String(keyID).unicodeScalars.count, "key IDs are bounded")
        }
    }

    /// Whose keys are chosen by the unverified issuer must be who libjwt reads afterwards.
    private static func checkIssuer(of token: UnverifiedToken, _ segment: [UInt8]) throws(BrokenProperty) {
        let issuer = try value(segment)["iss"]?.string
        try require(issuer == token.claimedIssuer, "the issuer is the payload's")
        guard let claims = try? LibJWTClaimsReader.claims(["iss", "exp", "sub", "aud"], in: token.claims) else {
            throw BrokenProperty(description: "libjwt reads what passes the scan")
        }
        guard case .string(let libjwt) = claims["iss"] else {
            throw BrokenProperty(description: "libjwt reads the issuer as a string")
        }
        try require(libjwt == token.claimedIssuer, "libjwt reads the same issuer")
    }

    private static func value(_ segment: [UInt8]) throws(BrokenProperty) -> JSONValue {
        guard let text = Base64URL.decode(segment),
            let value = try? JSONValue(parsing: text, limits: limits.json)
        else { throw BrokenProperty(description: "header and payload are JSON") }
        return value
    }
}
