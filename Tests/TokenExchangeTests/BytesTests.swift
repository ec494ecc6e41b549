import Testing
import TokenExchange

@Suite struct BytesTests {
    @Test(arguments: [0, 7, 10, 1_700_000_000_123, -1, -305, .max, .min] as [Int64])
    func appendsNumbersInDecimalDigits(number: Int64) {
        var text = Array("n=".utf8)
        text.append(decimal: number)
        #expect(text == Array("n=\(number)".utf8))
    }
}
