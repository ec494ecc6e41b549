import JOSE
import Testing
import TokenExchange

/// Key sets of issuers that read the RFCs differently: what is meant is used, and a fault affects only its own key.
@Suite struct OddKeySetTests {
    private static let ed25519 = #""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#
    private static let good = #"{\#(ed25519),"kid":"good"}"#

    private static func rsa(_ algorithm: SignatureAlgorithm = .rs256) throws -> String {
        let json = try TestKeys.signer(algorithm).publicKey.json
        return #""kty":"RSA","n":"\#(json["n"]?.string ?? "")","e":"AQAB""#
    }

    /// `"kty":"EC",…` of the tests' key.
    private static func ec() throws -> String {
        let json = try TestKeys.signer(.es256).publicKey.json
        return #""kty":"EC","crv":"P-256","x":"\#(json["x"]?.string ?? "")","y":"\#(json["y"]?.string ?? "")""#
    }

    private func read(
        elements: String..., allowing: Set<SignatureAlgorithm> = Set(SignatureAlgorithm.allCases)
    ) throws -> JWKSet {
        try JWKSetReader().read("{\"keys\":[\(elements.joined(separator: ","))]}".bytes, allowing: allowing)
    }

    // MARK: - Faults of one element

    @Test(arguments: [
        "1", "null", "true", #""x""#, "[]", "{}", #"{"kid":"a","kid":"b"}"#, #"{"x":{"b":1,"b":2}}"#,
        #"{"kty":"RSA","kid":"\ud800"}"#, #"{"kty":"\u0000"}"#, #"{"kid":18446744073709551616}"#, #"{"kty":1e400}"#,
        #"{"kty":["OKP"],"kid":{}}"#, #"{"kty":"OKP","crv":null,"x":null}"#,
        #"{"x5c":"# + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "}",
        "{" + (0..<400).map { "\"m\($0)\":0" }.joined(separator: ",") + "}",
    ])
    func skipsOnlyTheFaultyElement(element: String) throws {
        for set in [try read(elements: element, Self.good), try read(elements: Self.good, element)] {
            #expect(set.verifiers.map(\.keyID) == ["good"])
            #expect(set.skipped.count == 1)
        }
    }

    @Test func namesTheSkippedKeyAndItsFaultyMember() throws {
        let set = try read(
            elements: #"{"kty":"RSA","kid":"enc","use":"enc","alg":"RSA-OAEP"}"#, "7",
            #"{\#(Self.ed25519),"kid":"twice","alg":"EdDSA","alg":"EdDSA"}"#, #"{"kty":"AKP","kid":"l\u202e\nst"}"#,
            #"{\#(Self.ed25519),"kid":"\#(String(repeating: "k", count: 129))"}"#,
            #"{"kty":"RSA","n":"AA","e":"AQAB"}"#,
            #"{\#(Self.ed25519),"Se\u0301":1,"Se\u0301":1}"#)
        #expect(
            set.skipped.map(\.description) == [
                #"keys[0] (kid "enc"): use: use_not_signature"#, "keys[1]: malformed",
                #"keys[2] (kid "twice"): alg: duplicate_member"#,
                #"keys[3] (kid "l\u{202E}\nst"): kty: key_type_unknown"#,
                #"keys[4] (kid "\#(String(repeating: "k", count: 40))…"): kid: key_id_too_long"#,
                "keys[5]: n: rsa_modulus_not_allowed", #"keys[6]: "Se\u{0301}": duplicate_member"#,
            ])
    }

    // MARK: - What counts as absent

    @Test(arguments: ["null", #""""#, "[]"], ["alg", "use", "key_ops", "kid", "d", "k", "oth", "x5c"])
    func treatsNullAndEmptyMembersAsAbsent(value: String, member: String) throws {
        let set = try read(elements: #"{\#(Self.ed25519),"\#(member)":\#(value)}"#)
        #expect(set.verifiers.map(\.algorithm) == [.edDSA] && set.skipped.isEmpty)
        #expect(set.verifiers.map(\.keyID) == [nil])
    }

    @Test(arguments: ["null", #""""#], ["kty", "crv", "x"])
    func skipsAKeyWhoseOwnMembersAreNullOrEmpty(value: String, member: String) throws {
        let members = ["kty": #""OKP""#, "crv": #""Ed25519""#, "x": #""AA""#].merging([member: value]) { $1 }
        let set = try read(elements: "{" + members.map { #""\#($0)":\#($1)"# }.joined(separator: ",") + "}")
        #expect(set.verifiers.isEmpty && set.skipped.first?.description.hasPrefix("keys[0]: \(member): ") == true)
    }

    // MARK: - Numbers in other spellings

    /// A point whose x or y begins with a zero octet: as RFC 7518 demands, without it, and with one more.
    @Test(arguments: [
        [
            ("AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo", "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I"),
            ("VUOJSvPQDtfXQKvb11yWsGh3t4fbX3Dup4uQqNfACg", "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I"),
            ("AABVQ4lK89AO19dAq9vXXJawaHe3h9tfcO6ni5Co18AK", "ALtMhaPY6invqvokQGkS3YTVsU3DK_ZW72xr1YpdlD-S"),
        ],
        [
            ("mGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0", "ADzMwKZGDgrjKKTZfTx7YdhvxiicGJ8lJREMRBuwfpc"),
            ("mGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0", "PMzApkYOCuMopNl9PHth2G_GKJwYnyUlEQxEG7B-lw"),
        ],
    ])
    func acceptsCoordinatesWithAndWithoutLeadingZeros(spellings: [(String, String)]) throws {
        let thumbprints = try spellings.map { x, y in
            let set = try read(elements: #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"}"#)
            return try #require(set.verifiers.first).thumbprint
        }
        #expect(Set(thumbprints).count == 1)
    }

    @Test func acceptsBase64InEitherAlphabetWithAndWithoutPadding() throws {
        let json = try TestKeys.signer(.rs256).publicKey.json
        let modulus = try #require(json["n"]?.string?.description)
        let standard = modulus.replacing("-", with: "+").replacing("_", with: "/")
        #expect(standard != modulus)
        for text in [modulus, modulus + "==", standard, standard + "=="] {
            let set = try read(elements: #"{"kty":"RSA","n":"\#(text)","e":"AQAB"}"#, allowing: [.rs256])
            #expect(try set.verifiers.map(\.thumbprint) == [TestKeys.signer(.rs256).keyID])
        }
    }

    // MARK: - Names

    @Test func tellsKeysApartByKeyIDAndAlgorithm() throws {
        let set = try read(
            elements: "{\(try Self.rsa()),\"kid\":\"s\",\"alg\":\"RS256\"}",
            "{\(try Self.ec()),\"kid\":\"s\",\"alg\":\"ES256\"}")
        #expect(set.skipped.isEmpty)
        let keys = IssuerKeySet(set.verifiers)
        for algorithm in [SignatureAlgorithm.rs256, .es256] {
            let signer = try TestKeys.signer(algorithm)
            let found = keys.verifiers(for: IssuerKeyQuery(keyID: "s", algorithm: algorithm))
            #expect(found.map(\.thumbprint) == [signer.keyID])
            let signature = try signer.signature(over: "m".bytes)
            #expect(try #require(found.first).isValid(signature, over: "m".bytes))
        }
        #expect(keys.verifiers(for: IssuerKeyQuery(keyID: "s", algorithm: .ps256)).isEmpty)
    }

    @Test func tellsKeysOfOneTypeApartByTheirAlgorithm() throws {
        let other =
            #""kty":"RSA","e":"AQAB","n":""# + String(Base64URL.text([UInt8](repeating: 0xFF, count: 256))) + "\""
        let set = try read(
            elements: "{\(try Self.rsa()),\"kid\":\"s\"}", "{\(other),\"kid\":\"s\",\"alg\":\"PS256\"}",
            allowing: [.rs256, .ps256])
        #expect(set.skipped.isEmpty)
        let keys = IssuerKeySet(set.verifiers)
        func thumbprints(_ algorithm: SignatureAlgorithm) -> [ExactText] {
            keys.verifiers(for: IssuerKeyQuery(keyID: "s", algorithm: algorithm)).map(\.thumbprint)
        }
        #expect(try thumbprints(.rs256) == [TestKeys.signer(.rs256).keyID])
        #expect(thumbprints(.ps256).count == 1 && thumbprints(.ps256) != thumbprints(.rs256))
    }

    @Test func acceptsTheOtherNameOfEdDSAInRFC9864() throws {
        for name in ["EdDSA", "Ed25519"] {
            let set = try read(elements: #"{\#(Self.ed25519),"alg":"\#(name)"}"#, allowing: [.edDSA])
            #expect(set.verifiers.map(\.algorithm) == [.edDSA])
        }
        for name in ["Ed448", "ed25519", "ES256K"] {
            let set = try read(elements: #"{\#(Self.ed25519),"alg":"\#(name)"}"#)
            #expect(set.skipped.map(\.reason) == [.algorithmUnknown])
        }
        let wrongKey = try read(elements: "{\(try Self.ec()),\"alg\":\"Ed25519\"}")
        #expect(wrongKey.skipped.map(\.reason) == [.algorithmDoesNotFitKey])
    }
}
