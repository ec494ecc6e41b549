import JOSE
import TestSupport
import TokenExchange

/// The external identity, and its signature by itself.
enum MintParts {
    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let (provider, kind, signer) = (login.provider, try login.provider.minted, TestKeys.es256)
        let unsigned = SigningKeyRing(
            signers: [NoSignature(header: signer.header)], verifiers: [], publishedKeySet: [])
        let device = login.vault.label(ofDevice: login.device)
        for (name, keys) in [("mint, without signature", unsigned), ("mint, with ES256", TestKeys.ring)] {
            let mint = SampleLogin.mint(with: keys)
            try await bench.measure(name) {
                try mint(
                    kind, for: login.identity, provider: provider, device: device, in: login.slot.key.partition,
                    at: login.clock.now)
            }
        }
    }
}

/// An ES256 signer whose signatures cost nothing, and are not good.
private struct NoSignature: TokenSigner {
    let keyID: ExactText = "none"
    let algorithm = SignatureAlgorithm.es256
    let signatureCount = 64
    let header: [UInt8]
    private let zeros = [UInt8](repeating: 0, count: 64)

    init(header: [UInt8]) { self.header = header }

    func signature(over signingInput: [UInt8]) throws(SigningFailure) -> [UInt8] { zeros }
}
