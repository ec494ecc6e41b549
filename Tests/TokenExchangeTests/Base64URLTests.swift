import Testing
import TokenExchange

@Suite struct Base64URLTests {
    /// RFC 4648 §10, without padding.
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")])
    func readsAndWritesTheVectorsOfRFC4648(plain: String, encoded: String) {
        #expect(Base64URL.text(Array(plain.utf8)) == ExactText(encoded))
        #expect(Base64URL.decode(Array(encoded.utf8)) == Array(plain.utf8))
        #expect(Base64URL.encodedCount(of: plain.utf8.count) == encoded.utf8.count)
    }

    @Test func decodesWhatItEncodesForEveryByteAtEveryLength() {
        for count in 0...70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
    }

    @Test(arguments: [
        "Zg==", "Zg=", "Z", "Zh", "Zm9", "Zm8 ", " Zm8", "+m9v", "Z/9v", "Zm+v", "Zm9/", "Zm\n9v", "Zm9v.",
        "Zm9vY\u{0}", "é",
    ])
    func refusesWhatIsNotCanonical(text: String) {
        #expect(Base64URL.decode(Array(text.utf8)) == nil)
    }
}
