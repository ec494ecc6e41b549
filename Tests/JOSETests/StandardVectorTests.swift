import JOSE
import Testing
import TokenExchange

@Suite("Examples of the RFCs")
struct StandardVectorTests {
    private func verifier(_ jwk: String, _ algorithm: SignatureAlgorithm) throws -> any TokenVerifier {
        let set = try JWKSetReader().read("{\"keys\":[\(jwk)]}".bytes, allowing: [algorithm])
        return try #require(set.verifiers.first)
    }

    private static let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    private static let a2 =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ"
        + "S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2"
        + "R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD"
        + "TW9gb54h4FRWyuXpoQ"

    @Test func acceptsRS256TokenOfRFC7515A2() throws {
        let verifier = try verifier(#"{"kty":"RSA","n":"\#(Self.a2)","e":"AQAB"}"#, .rs256)
        let signature =
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
            + "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
            + "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
            + "cN_IoypGlUPQGe77Rw"
        #expect(verifier.accepts("eyJhbGciOiJSUzI1NiJ9.\(Self.claims).\(signature)"))
    }

    @Test func acceptsES256TokenOfRFC7515A3() throws {
        let verifier = try verifier(
            #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
                + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#, .es256)
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        #expect(verifier.accepts("eyJhbGciOiJFUzI1NiJ9.\(Self.claims).\(signature)"))
    }

    @Test func acceptsES512TokenOfRFC7515A4() throws {
        let verifier = try verifier(
            #"{"kty":"EC","crv":"P-521","#
                + #""x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","#
                + #""y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
            .es512)
        let signature =
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2Y"
            + "BJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
        #expect(verifier.accepts("eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.\(signature)"))
    }

    /// RFC 8037 A.2's key in the PKCS#8 of RFC 8410: the seed behind a fixed head.
    private func ed25519() throws -> OpenSSLTokenSigner {
        let pem =
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"
        return try OpenSSLTokenSigner(privateKeyPEM: pem.bytes, algorithm: .edDSA)
    }

    @Test func hasThumbprintOfRFC8037A3() throws {
        #expect(try ed25519().keyID == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        #expect(try ed25519().publicKey.json["x"]?.string == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    }

    @Test func signsAndVerifiesEdDSATokenOfRFC8037A4() throws {
        let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        #expect(try Base64URL.text(ed25519().signature(over: input.bytes)) == ExactText(signature))
        let verifier = try verifier(
            #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#, .edDSA)
        #expect(verifier.accepts("\(input).\(signature)"))
    }

    @Test func hasThumbprintOfRFC7638() throws {
        let modulus =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
            + "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
            + "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
            + "kEgU8awapJzKnqDKgw"
        let jwk = #"{"kty":"RSA","n":"\#(modulus)","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
        let set = try JWKSetReader().read("{\"keys\":[\(jwk)]}".bytes, allowing: [.rs256])
        let verifier = try #require(set.verifiers.first)
        #expect(verifier.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    // Made with Python's cryptography over "header.claims" with the tests' RSA key: PSS, SHA-256, and a salt of 32
    // bytes with MGF1-SHA-256; of 0 and 222 (the most that fits) bytes; and of 32 with MGF1-SHA-1.
    private static let pss32 =
        "YmXTm1fnu7wcz00aMvKsiQf3hW2NS2nSPKE7uECiO5cCdYe8KAfOIcRHqNB2jK76d0ybIpXYCdjE1PESI1vSlFUpcJ88nCBswLN1"
        + "wiRFW2d4Xe2MNVFYTyV0-voHcEpQU4xC5Udg56N4mv5lNfHpR3XHpYkjWT1GLJSdC_i01M6y7ijpvvreRedhL9DzqV0yAQas-TBN"
        + "ejAMvPMcQfiLoy1iO2wiEOUwhzIZfVBBFXZiaV6fl-WDYiL8N4XrwqAp327SwG3Ukk4TbV7wAxZDPFnLpVQABeQiR_1hhBJW-d7j"
        + "wVlU4kz0neUbryiuHb6jFZJ1x9FuPc39R97MhdFG5w"
    private static let pssOther = [
        "HLpVtn0wTCsThnB0aFOVUR_5j40rplqvnwKvgqi6FIiQLx3MSdQT381kpdmwG_xIEBuOYsOvHJTEvug1CUrot_W52iSuHhFeTnb9"
            + "jkhvsiK9ZPHScjz8NkB0eo8dsShNGjHEF28k-ALJVNV3czN5CIgAFIcJaHQbKIcalZVCNjjYZ19YMfyHICg8Z7tIaaeRfmS-CFK-"
            + "b8j6guIvPULnW-VmHlIlFZG3zGgAc7U_ujwUb_70x4CleFpOVVZweD3A6PkB7U--HUiMTLSG7SEjik4XcDWOh7nYboKCG26xJJ4Z"
            + "R7owgcCEDFlKUiXw_Cw275YCG7aYtsQFE5g4j-2fPw",
        "U4weyjjQncijb73j905-1LsWVckzDYTtQJ00g5fB5DP6GKW5bLEUeolnw-agQMcFQnkiSyGSWRDrQATapYBuEvNGVEMz8NmIEMdf"
            + "ajFyctLu8hSnsCqeZRsAL4DvTRoi-j8L50ZhCAQahOqI2lw2R8Q5vWQyYNiZP2LWDJH7SE-s1sKvqfkUVCTr988Ac3bm5Yit8Lzn"
            + "BSS5iqbpIq-IgyN798kGIrmCq28AoVpBBC3T2JVtp7kRSB5XImFO2S0jHLSNftDtlcUBGeFr_vlpVt9EicrbhLb3zLD79kO9FUGD"
            + "SGoGyG8KQKlLgW63uNTAOAz1BjUYHrsxxc186SElKA",
        "cQjCAPjMqq84VhkT6kd6y6Yltj0HYLXthcKPlM_0AbMb5pa6IQAFZugROc1N3G7Wmnp2QGVmgw0rRZVvGnZGGA8ZC57mcIYZjzAQ"
            + "NGBwQtLdr_iM6HP5_befA9snZsEq_3zCVeBSaM_Rc2vjVsTICy-DNKY7faXRPAnjTR1j1WMAs6Ku9VScQKSNAO-YjADGgd_lpBe5"
            + "3ciZ2qU8cby5GQNTpkvnQV9oT6dZUMx6QDM8_7DhK0ovGKczq4_WeZfM-ZnSyRYCa_ATcujIKfyRTgRqzaEVuKs6cinpMKcXpcLc"
            + "MNov_8UHgEcKPi2gRBUi46myZHL39ltXUlh_CX3-tA",
    ]

    @Test func acceptsOnlyThePSSParametersOfRFC7518() throws {
        let message = "header.claims".bytes
        let verifier = try TestKeys.signer(.ps256).verifier
        #expect(verifier.isValid(Self.pss32.decoded, over: message))
        for signature in Self.pssOther {
            #expect(signature.decoded.count == 256)
            #expect(!verifier.isValid(signature.decoded, over: message))
        }
    }
}
