import JOSE
import Testing

@Suite struct KeyedHashTests {
    private static let key = Array("sixteen-letters!".utf8)

    /// Against OpenSSL's other way to make an HMAC, which starts from nothing each time.
    @Test func isTheStartOfTheHMACOfEachMessageAgainAndAgain() throws {
        let hash = KeyedHash(key: Self.key)
        for message in ["", "a", String(repeating: "x", count: 64), String(repeating: "y", count: 1000), "a"] {
            let code = try #require(HMAC.code("HS256", key: Self.key, over: Array(message.utf8)))
            #expect(hash(Array(message.utf8)) == code.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, "\(message)")
        }
    }

    @Test func isAnotherUnderAnotherKey() {
        #expect(KeyedHash(key: Self.key)([1]) != KeyedHash(key: Self.key + [0x41])([1]))
    }

    @Test func isTheSameForManyThreadsAtOnce() async {
        let hash = KeyedHash(key: Self.key)
        let expected = (0..<100).map { hash([UInt8($0)]) }
        await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 { group.addTask { (0..<100).map { hash([UInt8($0)]) } } }
            for await hashes in group { #expect(hashes == expected) }
        }
    }
}
