import JOSE
import Testing
import TokenExchange

@Suite("JWK sets")
struct JWKSetReaderTests {
    /// RFC 8037 A.2 and RFC 7515 A.3: two public keys that need not be generated.
    private static let ed25519 = #""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#
    private static let p256x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    private static let p256 =
        #""kty":"EC","crv":"P-256","x":"\#(p256x)","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#

    /// Another point of P-256: twice its base point.
    private static let otherX = "fPJ7GI0DT36KUjgDBLUaw8CJaeJ38hs1pgtI_EdmmXg"
    private static let otherY = "B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E"

    /// `"kty":"RSA","n":…,"e":…` of the tests' key.
    private static func rsa() throws -> String {
        let json = try TestKeys.signer(.rs256).publicKey.json
        return #""kty":"RSA","n":"\#(json["n"]?.string ?? "")","e":"AQAB""#
    }

    private func read(
        _ keys: String..., allowing: Set<SignatureAlgorithm> = Set(SignatureAlgorithm.allCases)
    ) throws -> JWKSet {
        let keys = keys.map { "{\($0)}" }.joined(separator: ",")
        return try JWKSetReader().read("{\"keys\":[\(keys)]}".bytes, allowing: allowing)
    }

    // MARK: - What is used

    @Test func readsASetWithAByteOrderMarkAndNamesOtherEncodings() throws {
        let text = try #"{"keys":[{\#(Self.rsa())}]}"#
        let all = Set(SignatureAlgorithm.allCases)
        #expect(try JWKSetReader().read("\u{FEFF}\(text)\r\n".bytes, allowing: all).verifiers.count > 0)
        let wide: [UInt8] = text.bytes.flatMap { [$0, UInt8(0)] }
        for bytes in [wide, [0xFF, 0xFE] + wide] {
            #expect(throws: JWKSetUnreadable.otherEncoding(.utf16)) { try JWKSetReader().read(bytes, allowing: all) }
        }
    }

    @Test func bindsKeyToItsAlgorithm() throws {
        let set = try read(Self.rsa() + #","alg":"RS256","use":"sig","kid":"k1""#)
        #expect(set.verifiers.map(\.algorithm) == [.rs256])
        #expect(set.verifiers.map(\.keyID) == ["k1"])
        #expect(set.skipped.isEmpty)
    }

    @Test func givesKeyWithoutAlgorithmEveryAllowedOneOfItsType() throws {
        #expect(
            try read(Self.rsa(), allowing: [.rs256, .ps512, .es256]).verifiers.map(\.algorithm) == [.rs256, .ps512])
        #expect(try read(Self.p256, allowing: [.rs256, .es256, .es384]).verifiers.map(\.algorithm) == [.es256])
        #expect(try read(Self.ed25519).verifiers.map(\.algorithm) == [.edDSA])
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func verifiesByThePublishedKey(_ algorithm: SignatureAlgorithm) throws {
        let signer = try TestKeys.signer(algorithm, keyID: "k")
        let set = try JWKSetReader().read(PublicJWK.set([signer.publicKey]), allowing: [algorithm])
        let verifier = try #require(set.verifiers.first)
        let message = "header.claims".bytes
        #expect(verifier.keyID == "k")
        #expect(verifier.isValid(try signer.signature(over: message), over: message))
    }

    @Test func skipsEncryptionKeyOfKeycloakAndKeepsTheRest() throws {
        let set = try read(
            Self.rsa() + #","kid":"enc","alg":"RSA-OAEP","use":"enc","x5c":["MII+/="],"x5t#S256":"x""#,
            Self.rsa() + #","kid":"sig","alg":"RS256","use":"sig","x5c":["MII+/="]"#, allowing: [.rs256])
        #expect(set.verifiers.map(\.keyID) == ["sig"])
        #expect(set.skipped.map(\.reason) == [.useNotSignature])
    }

    @Test func acceptsLeadingZeroOctetsOfModulus() throws {
        let json = try TestKeys.signer(.rs256).publicKey.json
        let modulus = Base64URL.text([0] + (json["n"]?.string?.description ?? "").decoded)
        let set = try read(#""kty":"RSA","n":"\#(modulus)","e":"AAEAAQ""#, allowing: [.rs256])
        #expect(set.verifiers.first?.thumbprint == (try TestKeys.signer(.rs256).keyID))
    }

    // MARK: - What is skipped

    static let skipped: [(JWKSkipReason, String)] = [
        (.malformed, ""),
        (.malformed, #""kty":5"#),
        (.malformed, #""kty":"OKP","crv":"Ed25519""#),
        (.malformed, #""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS 7TyWQHOg7hcvPapiMlrwIaaPcHURo""#),
        (.malformed, #""kty":"EC","crv":"P-256","x":"f83+x","y":"x_FE""#),
        (.malformed, #""kty":"RSA","e":"AQAB","n":"""#),
        (.malformed, #""kty":"RSA","e":65537,"n":""# + modulus(bytes: 256) + #"""#),
        (.duplicateMember, ed25519 + #","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#),
        (.duplicateMember, ed25519 + #","more":1,"m\u006fre":2"#),
        (.malformed, ed25519 + #","kid":5"#),
        (.symmetricKey, #""kty":"oct","k":"c2VjcmV0""#),
        (.keyTypeUnknown, #""kty":"AKP","alg":"ES256""#),
        (.keyTypeUnknown, #""kty":"rsa""#),
        (.curveUnknown, #""kty":"EC","crv":"secp256k1","x":"AA","y":"AA""#),
        (.curveUnknown, #""kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#),
        (.curveUnknown, #""kty":"EC""#),
        (.useNotSignature, ed25519 + #","use":"enc""#),
        (.useNotSignature, ed25519 + #","use":["sig"]"#),
        (.operationsWithoutVerify, ed25519 + #","key_ops":["encrypt","wrapKey"]"#),
        (.operationsWithoutVerify, ed25519 + #","key_ops":"verify""#),
        (.privateKey, ed25519 + #","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#),
        (.keyIDTooLong, ed25519 + #","kid":""# + String(repeating: "k", count: 129) + #"""#),
        (.algorithmUnknown, ed25519 + #","alg":"HS256""#),
        (.algorithmUnknown, ed25519 + #","alg":"none""#),
        (.algorithmUnknown, ed25519 + #","alg":1"#),
        (.algorithmDoesNotFitKey, ed25519 + #","alg":"ES256""#),
        (.algorithmDoesNotFitKey, p256 + #","alg":"ES384""#),
        (.algorithmNotAllowed, ed25519),
        (.algorithmNotAllowed, ed25519 + #","alg":"EdDSA""#),
        (.rsaModulusNotAllowed, #""kty":"RSA","e":"AQAB","n":""# + modulus(bytes: 255) + #"""#),
        (.rsaModulusNotAllowed, #""kty":"RSA","e":"AQAB","n":""# + modulus(bytes: 1025) + #"""#),
        (.rsaModulusNotAllowed, #""kty":"RSA","e":"AQAB","n":""# + modulus(bytes: 256, last: 0xFE) + #"""#),
        (.rsaModulusNotAllowed, #""kty":"RSA","e":"AQAB","n":"AA""#),
        (.rsaExponentNotAllowed, #""kty":"RSA","e":"Aw","n":""# + modulus(bytes: 256) + #"""#),
        (.rsaExponentNotAllowed, #""kty":"RSA","e":"AQAA","n":""# + modulus(bytes: 256) + #"""#),
        (.rsaExponentNotAllowed, #""kty":"RSA","e":"__8","n":""# + modulus(bytes: 256) + #"""#),
        (.pointNotOnCurve, #""kty":"EC","crv":"P-256","x":"\#(p256x)","y":"\#(p256x)""#),
        (.pointNotOnCurve, #""kty":"EC","crv":"P-256","x":"\#(p256x)","y":"AQAA\#(p256x)""#),
        (.pointNotOnCurve, #""kty":"OKP","crv":"Ed25519","x":"11qY""#),
    ]

    private static func modulus(bytes count: Int, first: UInt8 = 0xFF, last: UInt8 = 0xFF) -> String {
        String(Base64URL.text([first] + [UInt8](repeating: 0xFF, count: count - 2) + [last]))
    }

    @Test(arguments: [(256, 0x7F, false), (256, 0x80, true), (1024, 0xFF, true), (1025, 0x01, false)])
    func takesRSAKeysOf2048To8192Bits(bytes: Int, first: UInt8, isTaken: Bool) throws {
        let key = #""kty":"RSA","e":"AQAB","n":""# + Self.modulus(bytes: bytes, first: first) + #"""#
        #expect(try read(key, allowing: [.rs256]).verifiers.count == (isTaken ? 1 : 0))
    }

    @Test(arguments: skipped)
    func skipsKeyWithReason(_ reason: JWKSkipReason, _ key: String) throws {
        let set = try read(key, Self.p256 + #","kid":"good""#, allowing: [.es256, .rs256])
        #expect(set.skipped.map(\.reason) == [reason])
        #expect(set.verifiers.map(\.keyID) == ["good"])
    }

    @Test func skipsKeyThatIsNotAnObject() throws {
        let set = try JWKSetReader().read(#"{"keys":[1,null,[],"x"]}"#.bytes, allowing: [.es256])
        #expect(set.verifiers.isEmpty)
        #expect(set.skipped.map(\.reason) == [.malformed, .malformed, .malformed, .malformed])
    }

    @Test func keepsFirstOfTwoKeysUnderOneKeyIDForOneAlgorithm() throws {
        let other = #""kty":"EC","crv":"P-256","x":"\#(Self.otherX)","y":"\#(Self.otherY)""#
        let set = try read(Self.p256 + #","kid":"k""#, other + #","kid":"k""#)
        #expect(set.verifiers.map(\.thumbprint) == (try read(Self.p256).verifiers.map(\.thumbprint)))
        #expect(set.skipped.map(\.description) == [#"keys[1] (kid "k"): kid: key_id_taken"#])
    }

    @Test func skipsRepeatedKeySilently() throws {
        let set = try read(Self.p256 + #","kid":"k""#, Self.p256 + #","kid":"k","use":"sig""#, Self.p256, Self.p256)
        #expect(set.verifiers.map(\.keyID) == ["k", nil])
        #expect(set.skipped.isEmpty)
    }

    @Test func everySkipReasonHasItsCase() {
        let covered = Set(Self.skipped.map(\.0)).union([.keyIDTaken])
        #expect(covered == Set(JWKSkipReason.allCases))
    }

    @Test func acceptsKeyIDOf128Characters() throws {
        let keyID = String(repeating: "k", count: 128)
        #expect(try read(Self.p256 + #","kid":"\#(keyID)""#).verifiers.map(\.keyID) == [ExactText(keyID)])
    }

    // MARK: - Documents

    @Test func refusesUnreadableDocuments() {
        let cases: [(String, JWKSetUnreadable)] = [
            ("", .json(.malformed)), ("<html>", .json(.malformed)), ("[]", .json(.malformed)), ("{}", .noKeysMember),
            (#"{"keys":{}}"#, .noKeysMember), (#"{"keys":[],"keys":[]}"#, .json(.duplicateMember)),
            (#"{"keys":[],"\u006beys":[]}"#, .json(.duplicateMember)), (#"{"keys":[{]}"#, .json(.malformed)),
            (#"{"keys":"# + String(repeating: "[", count: 128), .json(.tooDeep)),
        ]
        for (document, expected) in cases {
            #expect(throws: expected, "\(document)") {
                try JWKSetReader().read(document.bytes, allowing: [.rs256])
            }
        }
    }

    @Test func refusesDocumentBeyondItsLimits() throws {
        let hundred = "{\"keys\":[" + Array(repeating: "1", count: 100).joined(separator: ",") + "]}"
        #expect(try JWKSetReader().read(hundred.bytes, allowing: []).skipped.count == 100)
        #expect(throws: JWKSetUnreadable.tooManyKeys(limit: 99)) {
            try JWKSetReader(keyLimit: 99).read(hundred.bytes, allowing: [])
        }
        #expect(throws: JWKSetUnreadable.tooLarge(limit: 256 * 1024)) {
            try JWKSetReader().read([UInt8](repeating: 0x20, count: 256 * 1024 + 1), allowing: [])
        }
    }

    @Test func publishesMembersOfRFC7517AndNoOthers() throws {
        let expected: [SignatureAlgorithm: [String]] = [
            .rs256: ["e", "kty", "n", "kid", "use", "alg"],
            .es512: ["crv", "kty", "x", "y", "kid", "use", "alg"],
            .edDSA: ["crv", "kty", "x", "kid", "use", "alg"],
        ]
        for (algorithm, names) in expected {
            let signer = try TestKeys.signer(algorithm)
            guard case .object(let members) = signer.publicKey.json else { throw JSONError.malformed }
            #expect(members.map(\.name.description) == names)
            #expect(signer.publicKey.json["kid"]?.string == signer.keyID)
            #expect(signer.publicKey.json["use"]?.string == "sig")
            #expect(signer.publicKey.json["alg"] == .string(algorithm.rawValue))
        }
    }
}
