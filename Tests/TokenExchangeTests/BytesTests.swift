import Testing
import TokenExchange

@Suite struct BytesTests {
    @Test(arguments: [0, 7, 10, 1_700_000_000_123, -1, -305, .max, .min] as [Int64])
    func appendsNumbersInDecimalDigits(number: Int64) {
        var text = Array("n=".utf8)
        text.append(decimal: number)
        #expect(text == Array("n=\(number)".utf8))
    }

    /// In texts up to longer than several of the steps in which bytes are searched.
    @Test func findsAByteAtOrAfterAStart() {
        for count in 0...50 {
            for place in 0..<count {
                var bytes = [UInt8](repeating: UInt8(ascii: "/"), count: count)
                bytes[place] = UInt8(ascii: ".")
                bytes[count - 1] = UInt8(ascii: ".")
                bytes.withUnsafeBufferPointer { bytes in
                    #expect(bytes.position(of: ".", from: 0) == place)
                    #expect(bytes.position(of: ".", from: place) == place)
                    #expect(bytes.position(of: ".", from: place + 1) == (place + 1 == count ? nil : count - 1))
                    #expect(bytes.position(of: "-", from: 0) == nil)
                }
            }
        }
    }
}
