import JOSE
import Testing

/// The attacks with a public key as HMAC secret are worth something only if their codes are right.
@Suite struct HMACTests {
    /// RFC 4231 §4.3 and §4.7: a short key, and one longer than a block, which is hashed first.
    private static let cases: [(key: [UInt8], text: String)] = [
        (Array("Jefe".utf8), "what do ya want for nothing?"),
        ([UInt8](repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First"),
    ]

    @Test(arguments: [
        (
            "HS256",
            [
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ]
        ),
        (
            "HS384",
            [
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            ]
        ),
        (
            "HS512",
            [
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                    + "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
                    + "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ]
        ),
    ])
    func computesTheCodesOfRFC4231(algorithm: String, codes: [String]) {
        let computed = Self.cases.map { HMAC.code(algorithm, key: $0.key, over: Array($0.text.utf8)) ?? [] }
        #expect(computed.map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() } == codes)
    }

    @Test func takesAnEmptyKey() {
        let code = HMAC.code("HS256", key: [], over: []) ?? []
        #expect(code.prefix(4) == [0xB6, 0x13, 0x67, 0x9A] && code.count == 32)
    }

    @Test func knowsNoOtherAlgorithm() {
        #expect(HMAC.code("RS256", key: [1], over: [2]) == nil)
    }
}
