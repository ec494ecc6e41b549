import JOSE
import Testing
import TokenExchange

@Suite("Record sealer")
struct RecordSealerTests {
    private let sealer = OpenSSLRecordSealer()
    private let key = DerivedKey(bytes: Array(0..<32))
    private let plaintext = Array(#"{"sub":"f3a1c9de"}"#.utf8)

    @Test func opensWhatItSealed() {
        for count in [0, 1, 15, 16, 17, 31, 32, 1000, 100_000] {
            let plaintext = [UInt8](repeating: 0xA5, count: count)
            let record = sealer.seal(plaintext, version: 1, under: key)
            #expect(record.bytes.count == 1 + 12 + count + 16)
            #expect(record.bytes.first == 0x01)
            #expect(open(record) == plaintext)
        }
    }

    @Test func opensRecordSealedByAnotherLibrary() {
        // Python cryptography: AESGCM(bytes(range(32))).encrypt(b"\x07" * 12, b"hello", b"\x01")
        let ciphertext: [UInt8] = [
            0x67, 0x0f, 0xca, 0x30, 0x00, 0x59, 0x4f, 0x3f, 0x3a, 0xda, 0x22,
            0xe9, 0x38, 0x67, 0xb7, 0x84, 0x1a, 0xea, 0x92, 0x40, 0x40,
        ]
        let record = SealedRecord(bytes: [0x01] + [UInt8](repeating: 7, count: 12) + ciphertext)
        #expect(open(record) == "hello".bytes)
    }

    @Test func refusesRecordWithAnyByteChanged() {
        let record = sealer.seal(plaintext, version: 1, under: key)
        for index in record.bytes.indices {
            var changed = record.bytes
            changed[index] ^= 0x01
            #expect(open(SealedRecord(bytes: changed)) == nil, "byte \(index)")
        }
        #expect(open(record) == plaintext)
    }

    @Test func refusesRecordOfAnyOtherLength() {
        let record = sealer.seal(plaintext, version: 1, under: key)
        for count in record.bytes.indices {
            #expect(open(SealedRecord(bytes: Array(record.bytes.prefix(count)))) == nil)
        }
        #expect(open(SealedRecord(bytes: record.bytes + [0])) == nil)
    }

    @Test func refusesRecordUnderAnotherKey() {
        let record = sealer.seal(plaintext, version: 1, under: key)
        #expect(open(record, under: DerivedKey(bytes: Array(1..<33))) == nil)
        #expect(open(record, under: DerivedKey(bytes: Array(0..<31))) == nil)
        #expect(open(record, under: DerivedKey(bytes: [])) == nil)
    }

    @Test func saysWhyItDoesNotOpen() {
        let record = sealer.seal(plaintext, version: 2, under: key)
        #expect(throws: UnreadableRecord.olderVersion) { try sealer.open(record, version: 3, under: key) }
        #expect(throws: UnreadableRecord.newerVersion) { try sealer.open(record, version: 1, under: key) }
        let cut = SealedRecord(bytes: Array(record.bytes.dropLast()))
        for corrupt in [cut, SealedRecord(bytes: [])] {
            #expect(throws: UnreadableRecord.corrupt) { try sealer.open(corrupt, version: 2, under: key) }
        }
        // The version is authenticated: no record can be passed off as one of another format.
        let renamed = SealedRecord(bytes: [3] + record.bytes.dropFirst())
        #expect(throws: UnreadableRecord.corrupt) { try sealer.open(renamed, version: 3, under: key) }
    }

    private func open(_ record: SealedRecord, under key: DerivedKey? = nil) -> [UInt8]? {
        try? sealer.open(record, version: 1, under: key ?? self.key)
    }

    @Test func neverSealsTwiceTheSameWay() {
        #expect(sealer.seal(plaintext, version: 1, under: key) != sealer.seal(plaintext, version: 1, under: key))
    }

    @Test func derivesKeysByHashingCounterSecretLabelAndContext() {
        // hashlib.sha256(b"\0\0\0\1" + b"secret-of-the-token" + b"countersign session\0" + b"context")
        let session = sealer.derive(
            "countersign session\0", from: "secret-of-the-token".bytes, context: "context".bytes)
        #expect(hexadecimal(session.bytes) == "0dbe442a84c74f1298dbfd984f82c6adaa08ec7682213620fabb07bf2ce140b7")
        // hashlib.sha256(b"\0\0\0\1" + b"s" + b"l\0")
        let bare = sealer.derive("l\0", from: "s".bytes, context: [])
        #expect(hexadecimal(bare.bytes) == "29045f02a9798a61a5466881ea815c35156a90126e3b02dc006fa9deafe3f4ca")
    }

    @Test func digestsBySHA256() {
        #expect(
            hexadecimal(sealer.digest("abc".bytes))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hexadecimal(sealer.digest([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func drawsDifferentRandomBytes() {
        #expect(sealer.randomBytes(0).isEmpty)
        #expect(sealer.randomBytes(32).count == 32)
        #expect(sealer.randomBytes(32) != sealer.randomBytes(32))
    }

    /// They are drawn in blocks of 512.
    @Test(arguments: [1, 13, 511, 512, 513, 5000])
    func drawsNoBytesTwice(count: Int) {
        let drawn = (0..<40).flatMap { _ in sealer.randomBytes(count) + sealer.randomBytes(16) }
        #expect(drawn.count == 40 * (count + 16))
        var windows: Set<[UInt8]> = []
        for start in stride(from: 0, through: drawn.count - 8, by: 8) {
            windows.insert(Array(drawn[start..<start + 8]))
        }
        #expect(windows.count == drawn.count / 8, "eight bytes are the same twice once in 10^10 runs")
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
