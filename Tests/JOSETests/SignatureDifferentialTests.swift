import JOSE
import TestSupport
import Testing
import TokenExchange

/// Our verdict on generated and damaged tokens, compared with that of libjwt, which has its own parser and uses OpenSSL
/// in its own way.
@Suite struct SignatureDifferentialTests {
    private static let mutants = 400

    @Test(arguments: [SignatureAlgorithm.rs256, .rs384, .rs512, .es256, .es384, .es512])
    func neverAcceptsWhatLibJWTRefuses(_ algorithm: SignatureAlgorithm) throws {
        let judges = try Judges(algorithm)
        var generator = SeededGenerator(seed: 7)
        var (agreed, lax) = (0, 0)
        for number in 0..<Self.mutants {
            let good = try judges.token(number)
            if number % 20 == 0 { #expect(judges.ours(good) == .accepted && judges.libJWT(good) == .accepted) }
            let mutant = Self.mutant(of: good, &generator)
            let ours = judges.ours(mutant)
            switch (ours, judges.libJWT(mutant)) {
            case (.accepted, .accepted): #expect(mutant == good)
            case (.accepted, _): Issue.record("accepted alone: \(String(decoding: mutant, as: UTF8.self))")
            case (.wrongSignature, .accepted): Issue.record("refused alone: \(String(decoding: mutant, as: UTF8.self))")
            case (.unreadable, .accepted): lax += 1
            default: agreed += 1
            }
        }
        #expect(agreed > Self.mutants / 2)
        // Unlike us, libjwt skips characters outside the alphabet and ignores trailing bits.
        #expect(lax > 0)
    }

    /// Claims of any kind, signed by the right key.
    @Test(arguments: [SignatureAlgorithm.rs256, .es256])
    func acceptsNoClaimsThatLibJWTRefuses(_ algorithm: SignatureAlgorithm) throws {
        let judges = try Judges(algorithm)
        var generated = GeneratedJSON(seed: 11)
        var accepted = 0
        for _ in 0..<Self.mutants {
            let claims = Array(#"{"iss":"https://issuer.example","#.utf8) + generated.next().dropFirst()
            let token = try judges.token(claims: claims)
            guard judges.ours(token) == .accepted, !GeneratedJSON.hasNumberTooLarge(claims) else { continue }
            accepted += 1
            #expect(judges.libJWT(token) == .accepted, "\(String(decoding: claims, as: UTF8.self))")
        }
        #expect(accepted > Self.mutants / 10)
    }

    /// One to three bits flipped, or characters removed, added, doubled; or cut short.
    private static func mutant(of token: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var token = token
        let last = token.count - 1
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: token.removeLast(Int.random(in: 1...last, using: &generator))
        case 1: token.remove(at: Int.random(in: 0...last, using: &generator))
        case 2:
            token.insert(UInt8.random(in: 33...126, using: &generator), at: Int.random(in: 0...last, using: &generator))
        case 3: token[last] ^= 1 << UInt8.random(in: 0..<4, using: &generator)
        case 4: token.append(contentsOf: ["=", ".", "A", "\n", "=="].randomElement(using: &generator)!.utf8)
        case 5: token.insert(token[last / 2], at: last / 2)
        default:
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                token[Int.random(in: 0...last, using: &generator)] ^= 1 << UInt8.random(in: 0..<7, using: &generator)
            }
        }
        return token
    }
}

/// One key, and both judges that use it.
private struct Judges {
    enum Verdict { case accepted, wrongSignature, unreadable }

    private let signer: OpenSSLTokenSigner
    private let verifier: any TokenVerifier
    private let publicKeyPEM: [UInt8]

    init(_ algorithm: SignatureAlgorithm) throws {
        signer = try TestKeys.signer(algorithm)
        verifier = signer.verifier
        publicKeyPEM = try #require((signer.verifier as? OpenSSLTokenVerifier)?.publicKeyPEM)
    }

    /// - Parameter number: tokens of different numbers have different claims.
    func token(_ number: Int) throws -> [UInt8] {
        try ModelToken(issuedAt: UnixTime(seconds: Double(number)), algorithm: signer.algorithm.rawValue, keyID: "k")
            .claim("jti", .string(String(repeating: "é", count: number % 7))).signed(by: signer)
    }

    func token(claims: [UInt8]) throws -> [UInt8] {
        let header = Base64URL.encode(#"{"alg":"\#(signer.algorithm.rawValue)","typ":"JWT"}"#)
        return try ModelToken.signed(header + [UInt8(ascii: ".")] + Base64URL.encode(claims), by: signer)
    }

    func ours(_ token: [UInt8]) -> Verdict {
        guard let token = try? UnverifiedToken(token, limits: TokenLimits()), token.jws.algorithm == verifier.algorithm
        else { return .unreadable }
        return token.jws.isSigned(by: verifier) ? .accepted : .wrongSignature
    }

    func libJWT(_ token: [UInt8]) -> LibJWTSecondOpinion.Opinion {
        LibJWTSecondOpinion().opinion(on: token, publicKeyPEM: publicKeyPEM, algorithm: verifier.algorithm)
    }
}
