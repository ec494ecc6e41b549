import CountersignService
import Testing
import TokenExchange

/// The examples of RFC 7515 Appendix A, and one JWS for every word that the command knows.
@Suite struct JWSVerificationTests {
    private static let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    private static let rsa =
        #"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM"#
        + "EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBY"
        + "UsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9"
        + #"iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#
    private static let p256 =
        #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
        + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
    private static let p521 =
        #"{"kty":"EC","crv":"P-521","#
        + #""x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","#
        + #""y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#
    private static let symmetric =
        #"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"#
        + #"aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#

    private static let a1 =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(claims).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    private static let a2 =
        "eyJhbGciOiJSUzI1NiJ9.\(claims)."
        + "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
        + "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
        + "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
        + "cN_IoypGlUPQGe77Rw"
    private static let a3 =
        "eyJhbGciOiJFUzI1NiJ9.\(claims)."
        + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    private static let a4 =
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA."
        + "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2Y"
        + "BJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
    private static let a5 = "eyJhbGciOiJub25lIn0.\(claims)."

    private static func set(_ keys: String...) -> [UInt8] { Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8) }

    private func fault(
        _ text: String, keys: [UInt8] = set(rsa, p256, p521, symmetric), _ algorithms: SignatureAlgorithm...
    ) -> JWSFault? {
        do {
            _ = try JWSVerification(keySet: keys, algorithms: algorithms).payload(of: Array(text.utf8))
            return nil
        } catch { return error }
    }

    @Test(arguments: [(a2, claims), (a3, claims), (a4, "UGF5bG9hZA")])
    func acceptsTheSignedExamplesOfRFC7515(text: String, payload: String) throws {
        let verification = try JWSVerification(keySet: Self.set(Self.rsa, Self.p256, Self.p521), algorithms: [])
        #expect(try verification.payload(of: Array(text.utf8)) == Base64URL.decode(Array(payload.utf8)))
        #expect(try verification.payload(of: Array((text + "\n").utf8)) == Base64URL.decode(Array(payload.utf8)))
        #expect(fault(text + "\n\n") == .malformed)
    }

    @Test func hasNoAlgorithmForTheOtherExamplesOfRFC7515() {
        #expect(fault(Self.a1) == .algorithm)
        #expect(fault(Self.a5) == .algorithm)
    }

    @Test func acceptsOnlyAlgorithmsThatWereNamed() {
        #expect(fault(Self.a2, .rs256) == nil)
        #expect(fault(Self.a2, .es256, .rs256) == nil)
        #expect(fault(Self.a2, .ps256) == .algorithm)
    }

    @Test func choosesKeysAsTheServiceDoes() {
        #expect(fault(Self.a2, keys: Self.set()) == .key)
        #expect(fault(Self.a2, keys: Self.set(Self.p256)) == .key)
        #expect(fault(Self.a2, keys: Self.set(Self.symmetric)) == .key)
        #expect(fault(Self.a2, keys: Self.set(Self.rsa.replacing("{", with: #"{"alg":"PS256","#))) == .key)
        let twins = Self.set(
            Self.p256.replacing("{", with: #"{"kid":"a","#), Self.p256.replacing("{", with: #"{"kid":"b","#))
        #expect(fault(Self.a3, keys: twins) == .key, "without a kid, two keys fit")
    }

    @Test(arguments: [
        "", "x", "a.b", "a.b.c.d", "....", ".e30.AA", "e30=.e30.AA", "e30 .e30.AA",
        // An unused bit is set, in the payload and in the signature.
        "eyJhbGciOiJSUzI1NiJ9.e31.AA", "eyJhbGciOiJSUzI1NiJ9.e30.AB",
        #"{"payload":"","signatures":[]}"#,
    ])
    func callsMalformedWhatIsNoCompactJWS(text: String) {
        #expect(fault(text) == .malformed)
    }

    @Test(arguments: [
        "[]", "1", "{", #"{"alg":"RS256","alg":"RS256"}"#, #"{"alg":"RS256","crit":["b64"],"b64":false}"#,
        #"{"alg":"RS256","kid":7}"#, #"{"alg":"RS256","jwk":{}}"#, #"{"alg":"RS256","zip":"DEF"}"#,
        #"{"alg":"RS256","x5c":[]}"#, #"{"alg":"RS256","jku":"https://attacker.example"}"#,
        #"{"alg":"RS256","x5u":""}"#,
        #"{"alg":"RS256","typ":7}"#,
    ])
    func callsHeaderWhatTheServiceWouldNotRead(header: String) {
        #expect(fault("\(String(decoding: Base64URL.encode(header), as: UTF8.self)).e30.AA") == .header)
    }

    @Test func callsSignatureWhatIsNotSigned() {
        #expect(fault(Self.a2.replacing(Self.claims, with: "UGF5bG9hZA")) == .signature)
        #expect(fault("eyJhbGciOiJFUzI1NiJ9.\(Self.claims).") == .signature)
        #expect(fault("eyJhbGciOiJFUzI1NiJ9..AA") == .signature)
    }

    @Test func limitsTheInput() {
        let count = JWSVerification.byteLimit - Self.a4.utf8.count
        let long = Self.a4.replacing("UGF5bG9hZA", with: "UGF5bG9hZA" + String(repeating: "A", count: count / 4 * 4))
        #expect(fault(long) == .signature)
        #expect(fault(long + "AAAA") == .malformed)
    }

    @Test(arguments: ["", "[]", #"{"keys":{}}"#, #"{"keys":[],"keys":[]}"#])
    func needsAKeySet(text: String) {
        #expect(fault(Self.a2, keys: Array(text.utf8)) == .keySet)
    }
}
