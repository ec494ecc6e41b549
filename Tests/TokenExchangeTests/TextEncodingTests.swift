import Testing
import TokenExchange

@Suite struct TextEncodingTests {
    @Test(
        arguments: [
            ([UInt8]("a".utf8), nil), (Array("{}".utf8), nil), ([], nil), ([0], nil), ([0xEF, 0xBB, 0xBF, 0x61], nil),
            ([0xFC, 0x62, 0x65, 0x72], nil), ([0x30, 0x82, 0x01, 0x0A], nil), ([0xFF, 0xFE], .utf16),
            ([0xFF, 0xFE, 0x61, 0], .utf16), ([0xFE, 0xFF, 0, 0x61], .utf16), ([0x61, 0], .utf16),
            ([0x61, 0, 0x62, 0], .utf16), ([0, 0x61, 0, 0x62], .utf16), ([0xFF, 0xFE, 0, 0], .utf32),
            ([0, 0, 0xFE, 0xFF], .utf32), ([0x61, 0, 0, 0], .utf32), ([0, 0, 0, 0x61], .utf32),
        ] as [([UInt8], TextEncoding?)])
    func recognizesEncodingsByTheirFirstBytes(_ bytes: [UInt8], _ encoding: TextEncoding?) {
        #expect(TextEncoding(of: bytes) == encoding)
    }

    @Test func leavesOutOneMarkAtTheStart() {
        #expect(Array("\u{FEFF}\u{FEFF}a".utf8.withoutByteOrderMark) == Array("\u{FEFF}a".utf8))
        #expect(Array("a\u{FEFF}".utf8.withoutByteOrderMark) == Array("a\u{FEFF}".utf8))
        #expect(Array([0xEF, 0xBB].withoutByteOrderMark) == [0xEF, 0xBB])
    }
}
