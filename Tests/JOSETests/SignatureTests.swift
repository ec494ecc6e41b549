import JOSE
import Testing
import TokenExchange

@Suite("Signatures")
struct SignatureTests {
    private let message = Array("eyJhbGciOiJ0ZXN0In0.eyJzdWIiOiJ4In0".utf8)

    @Test(arguments: SignatureAlgorithm.allCases)
    func verifiesWhatItSigned(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm)
        for _ in 0..<20 {
            let signature = try signer.signature(over: message)
            #expect(signature.count == signer.signatureCount)
            #expect(signer.verifier.isValid(signature, over: message))
        }
    }

    @Test func hasTheLengthsOfRFC7518() throws {
        #expect(try TestKeys.signer(.es256).signatureCount == 64)
        #expect(try TestKeys.signer(.es384).signatureCount == 96)
        #expect(try TestKeys.signer(.es512).signatureCount == 132)
        #expect(try TestKeys.signer(.rs256).signatureCount == 256)
        #expect(try TestKeys.signer(.edDSA).signatureCount == 64)
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func refusesEveryBitFlippedSignature(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm)
        let signature = try signer.signature(over: message)
        for index in signature.indices {
            var changed = signature
            changed[index] ^= 1 << UInt8(index % 8)
            #expect(!signer.verifier.isValid(changed, over: message), "byte \(index)")
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func refusesSignaturesOfOtherLengths(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm)
        let signature = try signer.signature(over: message)
        for wrong in [[], Array(signature.dropLast()), signature + [0], [0] + signature, signature + signature] {
            #expect(!signer.verifier.isValid(wrong, over: message), "\(wrong.count) bytes")
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func refusesConstantSignatures(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm)
        for byte: UInt8 in [0x00, 0x01, 0x7F, 0xFF] {
            let signature = [UInt8](repeating: byte, count: signer.signatureCount)
            #expect(!signer.verifier.isValid(signature, over: message), "\(byte)")
        }
    }

    @Test(arguments: [SignatureAlgorithm.es256, .es384, .es512])
    func refusesECDSASignatureWithOneHalfZero(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm)
        let signature = try signer.signature(over: message)
        let half = signature.count / 2
        let zero = [UInt8](repeating: 0, count: half)
        #expect(!signer.verifier.isValid(zero + signature[half...], over: message))
        #expect(!signer.verifier.isValid(signature[..<half] + zero, over: message))
    }

    /// A DER signature by another library, which happens to be as long as R‖S, must not be taken for R‖S.
    @Test func refusesDERSignature() throws {
        let signer = try TestKeys.signer(.es256)
        let signature = try signer.signature(over: message)
        let numbers = [signature[..<32], signature[32...]].map { half in
            let magnitude = half.drop { $0 == 0 }
            let content = (magnitude[magnitude.startIndex] >= 0x80 ? [0] : []) + magnitude
            return [0x02, UInt8(content.count)] + content
        }
        let content = numbers[0] + numbers[1]
        let der = [0x30, UInt8(content.count)] + content
        #expect(!signer.verifier.isValid(der, over: message))
        #expect(!signer.verifier.isValid(Array(der.prefix(64)), over: message))
    }

    @Test func refusesSignatureOverAnotherMessage() throws {
        for algorithm in SignatureAlgorithm.allCases {
            let signer = try TestKeys.signer(algorithm)
            let signature = try signer.signature(over: message)
            #expect(!signer.verifier.isValid(signature, over: message + [0]))
            #expect(!signer.verifier.isValid(signature, over: []))
        }
    }

    @Test func readsOnlyTheSigningInputOfTheToken() throws {
        let signer = try TestKeys.signer(.es256)
        let signature = try signer.signature(over: message)
        let token = message + Array(".whatever".utf8)
        #expect(signer.verifier.isValid(signature: signature, over: token, count: message.count))
        #expect(!signer.verifier.isValid(signature: signature, over: token, count: token.count))
        #expect(!signer.verifier.isValid(signature: signature, over: message, count: message.count + 1))
        #expect(!signer.verifier.isValid(signature: signature, over: message, count: -1))
    }

    @Test func keepsAlgorithmsOfOneRSAKeyApart() throws {
        let rsa = SignatureAlgorithm.allCases.filter { $0.keyType == .rsa }
        let signers = try rsa.map { try TestKeys.signer($0) }
        for signer in signers {
            let signature = try signer.signature(over: message)
            let accepting = signers.filter { $0.verifier.isValid(signature, over: message) }.map(\.algorithm)
            #expect(accepting == [signer.algorithm])
        }
    }

    @Test func refusesSignatureOfAnotherKey() throws {
        let (one, other) = (
            try TestKeys.signer(.es256),
            try OpenSSLTokenSigner(
                privateKeyPEM: PEM.p256WithParameters.bytes, algorithm: .es256)
        )
        #expect(!other.verifier.isValid(try one.signature(over: message), over: message))
    }

    @Test(arguments: [SignatureAlgorithm.rs256, .rs384, .rs512, .es256, .es384, .es512])
    func agreesWithLibJWT(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm)
        let verifier = try #require(signer.verifier as? OpenSSLTokenVerifier)
        let pem = try #require(verifier.publicKeyPEM)
        let header = Base64URL.text(#"{"alg":"\#(algorithm.rawValue)","typ":"JWT"}"#.bytes)
        let input = "\(header).\(Base64URL.text(#"{"sub":"x","exp":1}"#.bytes))".bytes
        let signature = try signer.signature(over: input)
        func opinions(_ signature: [UInt8]) -> (ours: Bool, libjwt: LibJWTSecondOpinion.Opinion) {
            let token = input + [UInt8(ascii: ".")] + Base64URL.encode(signature)
            return (
                verifier.isValid(signature, over: input),
                LibJWTSecondOpinion().opinion(on: token, publicKeyPEM: pem, algorithm: algorithm)
            )
        }
        #expect(opinions(signature) == (true, .accepted))
        for index in stride(from: 0, to: signature.count, by: 7) {
            var changed = signature
            changed[index] ^= 0x10
            #expect(opinions(changed) == (false, .refused), "byte \(index)")
        }
    }

    @Test func libJWTRefusesTokenOfAnotherAlgorithmThanExpected() throws {
        let signer = try TestKeys.signer(.rs256)
        let pem = try #require((signer.verifier as? OpenSSLTokenVerifier)?.publicKeyPEM)
        let input = "\(Base64URL.text(#"{"alg":"RS256"}"#.bytes)).\(Base64URL.text("{}".bytes))".bytes
        let token = input + ".".bytes + Base64URL.encode(try signer.signature(over: input))
        let libjwt = LibJWTSecondOpinion()
        #expect(libjwt.opinion(on: token, publicKeyPEM: pem, algorithm: .rs256) == .accepted)
        #expect(libjwt.opinion(on: token, publicKeyPEM: pem, algorithm: .rs384) == .refused)
        #expect(libjwt.opinion(on: token + ".e30".bytes, publicKeyPEM: pem, algorithm: .rs256) == .refused)
        #expect(libjwt.opinion(on: token + [0], publicKeyPEM: pem, algorithm: .rs256) == .refused)
        #expect(libjwt.opinion(on: token, publicKeyPEM: [], algorithm: .rs256) == .refused)
        #expect(libjwt.opinion(on: token, publicKeyPEM: pem, algorithm: .ps256) == .abstained)
        #expect(libjwt.opinion(on: "eyJhbGciOiJub25lIn0.e30.".bytes, publicKeyPEM: pem, algorithm: .rs256) == .refused)
    }
}
