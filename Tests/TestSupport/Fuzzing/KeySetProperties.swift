import JOSE
import TokenExchange

/// An issuer's key set may be anything: it yields verifiers and skipped keys, or it is unreadable, and nothing else.
enum KeySetProperties {
    private static let keyLimit = 8
    private static let reader = JWKSetReader(byteLimit: 8192, keyLimit: keyLimit)
    private static let message = Array("eyJhbGciOiJ0ZXN0In0.eyJzdWIiOiJ4In0".utf8)

    static func check(_ input: [UInt8]) throws(BrokenProperty) {
        let all = Set(SignatureAlgorithm.allCases)
        guard let set = try read(input, allowing: all) else { return }
        let again = try read(input, allowing: all)
        try require(set.skipped == again?.skipped, "keys are skipped for the same reasons each time")
        try require(set.verifiers.count == again?.verifiers.count, "keys are used each time")
        try require(set.skipped.count <= keyLimit, "a key is skipped once")
        for verifier in set.verifiers { try check(verifier) }
        let isPlain = set.skipped.allSatisfy {
            $0.description.unicodeScalars.allSatisfy { (" "..."~").contains($0) || $0 == "…" }
        }
        try require(isPlain, "what is said of a skipped key can be printed")
        let strict = try read(input, allowing: [.rs256])
        try require(strict?.verifiers.allSatisfy { $0.algorithm == .rs256 } == true, "only allowed algorithms are used")
        try require(try read(input, allowing: [])?.verifiers.isEmpty == true, "no algorithm is used unless allowed")
    }

    /// Nil if the document is unreadable; that it throws nothing else is what its type says.
    private static func read(
        _ input: [UInt8], allowing allowed: Set<SignatureAlgorithm>
    ) throws(BrokenProperty) -> JWKSet? {
        do { return try reader.read(input, allowing: allowed) } catch {
            try require(!error.description.isEmpty, "what is unreadable says why")
            return nil
        }
    }

    private static func check(_ verifier: any TokenVerifier) throws(BrokenProperty) {
        try require((verifier.keyID?.description.unicodeScalars.count ?? 0) <= 128, "key IDs are bounded")
        // Ed25519 has public keys of small order, for which such signatures are good (RFC 8032 §8.9 leaves them be).
        guard verifier.algorithm != .edDSA else { return }
        for count in [0, 64, 96, 132, 256, 384, 512] {
            let signature = [UInt8](repeating: 0, count: count)
            let isValid = verifier.isValid(signature: signature, over: message, count: message.count)
            try require(!isValid, "zeros are no signature")
        }
    }
}
