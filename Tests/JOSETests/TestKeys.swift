import FoundationEssentials
import JOSE
import TokenExchange

/// One private key per key type, made once for all tests.
enum TestKeys {
    static func signer(_ algorithm: SignatureAlgorithm, keyID: ExactText? = nil) throws -> OpenSSLTokenSigner {
        try OpenSSLTokenSigner(privateKeyPEM: pem(algorithm), algorithm: algorithm, keyID: keyID)
    }

    static func pem(_ algorithm: SignatureAlgorithm) throws -> [UInt8] {
        switch algorithm.keyType {
        case .rsa: Array(PEM.rsaTraditional.utf8)
        case .ec(.p521): Array(PEM.p521.utf8)
        case .ec(.p256): try generated(.es256).get()
        case .ec(.p384): try generated(.es384).get()
        case .ed25519: try generated(.edDSA).get()
        }
    }

    private static let p256 = make(.es256)
    private static let p384 = make(.es384)
    private static let ed25519 = make(.edDSA)

    private static func generated(_ algorithm: SignatureAlgorithm) -> Result<[UInt8], any Error> {
        switch algorithm {
        case .es256: p256
        case .es384: p384
        default: ed25519
        }
    }

    private static func make(_ algorithm: SignatureAlgorithm) -> Result<[UInt8], any Error> {
        Result {
            try withTemporaryDirectory { path in
                let entry = try SigningKeyDirectory(path: path).generate(
                    algorithm: algorithm, at: UnixTime(seconds: 1_764_003_600))
                return try Array(Data(contentsOf: URL(filePath: "\(path)/\(entry.fileName)")))
            }
        }
    }
}

/// A path where there is nothing yet; what `body` puts there is removed.
func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = FileManager.default.temporaryDirectory.path + "/jose-tests-\(UInt64.random(in: 0...UInt64.max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

extension StringProtocol {
    var bytes: [UInt8] { Array(utf8) }
    /// From base64url.
    var decoded: [UInt8] { Base64URL.decode(bytes) ?? [] }
}

extension TokenVerifier {
    func isValid(_ signature: [UInt8], over token: [UInt8]) -> Bool {
        isValid(signature: signature, over: token, count: token.count)
    }

    /// Whether the compact JWS has a good signature.
    func accepts(_ compact: String) -> Bool {
        guard let dot = compact.lastIndex(of: ".") else { return false }
        return isValid(compact[compact.index(after: dot)...].decoded, over: compact[..<dot].bytes)
    }
}
