import JOSE
import Testing
import TokenExchange

@Suite("PEM keys")
struct KeyPEMTests {
    private let all = Set(SignatureAlgorithm.allCases)

    @Test func givesPublicKeyEveryAllowedAlgorithmOfItsType() throws {
        for pem in [PEM.rsaPublic, PEM.rsaPublicPKCS1] {
            let verifiers = try PublicKeyPEM.verifiers(pem.bytes, allowing: [.rs256, .ps256, .es256])
            #expect(verifiers.map(\.algorithm) == [.rs256, .ps256])
            #expect(verifiers.allSatisfy { $0.keyID == nil })
            let signer = try TestKeys.signer(.ps256)
            let message = "a.b".bytes
            #expect(verifiers[1].isValid(try signer.signature(over: message), over: message))
        }
    }

    static let refusedPublicKeys: [(String, KeyPEMError)] = [
        ("", .empty),
        ("not a key", .notPEM),
        ("-\0-\0-\0", .otherEncoding(.utf16)),
        (PEM.rsaPublic + "\n" + PEM.rsaPublic, .severalBlocks),
        (PEM.certificate, .certificate),
        (PEM.p521, .privateKeyWherePublicExpected),
        (PEM.rsaTraditional, .privateKeyWherePublicExpected),
        (PEM.encrypted, .privateKeyWherePublicExpected),
        ("-----BEGIN DH PARAMETERS-----\n", .otherBlock(label: "DH PARAMETERS", expected: "PUBLIC KEY")),
        (PEM.rsa1024Public, .weak(.rsaModulus(bits: 1024))),
        (PEM.rsaExponent3Public, .weak(.rsaExponent)),
        (PEM.secp256k1Public, .unsupportedKeyType(found: "EC")),
        (PEM.rsaPSSPublic, .unsupportedKeyType(found: "RSA-PSS")),
    ]

    @Test(arguments: refusedPublicKeys)
    func refusesPublicKey(_ pem: String, _ expected: KeyPEMError) {
        #expect(throws: expected) { try PublicKeyPEM.verifiers(pem.bytes, allowing: all) }
    }

    @Test func refusesPublicKeyThatOpenSSLCannotRead() {
        let cut = PEM.rsaPublic.replacing(PEM.rsaPublic.split(separator: "\n")[2], with: "")
        #expect {
            try PublicKeyPEM.verifiers(cut.bytes, allowing: all)
        } throws: { error in
            if case .unreadable? = error as? KeyPEMError { true } else { false }
        }
    }

    @Test func refusesPublicKeyThatFitsNoAllowedAlgorithm() {
        #expect(throws: KeyPEMError.noAllowedAlgorithm(found: .rsa, allowed: [.es256, .edDSA])) {
            try PublicKeyPEM.verifiers(PEM.rsaPublic.bytes, allowing: [.edDSA, .es256])
        }
    }

    @Test func readsPrivateKeysOfOlderForms() throws {
        #expect(try OpenSSLTokenSigner(privateKeyPEM: PEM.rsaTraditional.bytes, algorithm: .rs512).algorithm == .rs512)
        #expect(try OpenSSLTokenSigner(privateKeyPEM: PEM.p521Traditional.bytes, algorithm: .es512).keyID.count == 43)
        #expect(
            try OpenSSLTokenSigner(privateKeyPEM: PEM.p256WithParameters.bytes, algorithm: .es256, keyID: "k").keyID
                == "k")
    }

    /// As editors of all systems write them, and programs that put a description before the key.
    @Test(
        arguments: [
            { "\u{FEFF}" + $0 }, { $0.replacing("\n", with: "\r\n") },
            { "\n \n# ours\nBag Attributes\n" + $0 + "\n\n" },
            { "\u{FEFF}# ours\n" + $0.replacing("\n", with: "\r\n") },
        ] as [@Sendable (String) -> String])
    func readsKeysWithMarksCommentsAndAnyLineEnds(_ change: @Sendable (String) -> String) throws {
        #expect(try PublicKeyPEM.verifiers(change(PEM.rsaPublic).bytes, allowing: [.rs256]).count == 1)
        for (pem, algorithm) in [(PEM.rsaTraditional, SignatureAlgorithm.rs256), (PEM.p521, .es512)] {
            #expect(
                try OpenSSLTokenSigner(privateKeyPEM: change(pem).bytes, algorithm: algorithm).algorithm == algorithm)
        }
        #expect(throws: KeyPEMError.encrypted) {
            try OpenSSLTokenSigner(privateKeyPEM: change(PEM.encrypted).bytes, algorithm: .es256)
        }
    }

    static let refusedPrivateKeys: [(String, KeyPEMError)] = [
        ("", .empty),
        ("\0-\0-\0-", .otherEncoding(.utf16)),
        (PEM.rsaPublic, .publicKeyWherePrivateExpected),
        (PEM.certificate, .publicKeyWherePrivateExpected),
        (PEM.encrypted, .encrypted),
        (PEM.encryptedTraditional, .encrypted),
        (PEM.p521 + "\n" + PEM.p521, .severalBlocks),
        (PEM.p521, .wrongKeyType(expected: .rsa, found: .ec(.p521))),
        (PEM.rsa1024, .weak(.rsaModulus(bits: 1024))),
    ]

    @Test(arguments: refusedPrivateKeys)
    func refusesPrivateKey(_ pem: String, _ expected: KeyPEMError) {
        #expect(throws: expected) { try OpenSSLTokenSigner(privateKeyPEM: pem.bytes, algorithm: .rs256) }
    }

    @Test func refusesPrivateKeyWithThePublicHalfOfAnother() {
        #expect(throws: KeyPEMError.halvesDoNotMatch) {
            try OpenSSLTokenSigner(privateKeyPEM: PEM.p256WithForeignPublicHalf.bytes, algorithm: .es256)
        }
    }

    @Test func neverRepeatsKeyMaterialInErrors() {
        let pem = PEM.p521.split(separator: "\n")
        for (_, error) in Self.refusedPrivateKeys + Self.refusedPublicKeys {
            #expect(!pem.dropFirst().dropLast().contains { "\(error)".contains($0) })
        }
        #expect("\(KeyPEMError.privateKeyWherePublicExpected)".contains("private"))
    }
}
