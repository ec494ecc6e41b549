import Testing
import TokenExchange

@Suite struct ExactNumberTests {
    private func number(_ literal: String) throws -> ExactNumber { try #require(ExactNumber(ExactText(literal))) }

    @Test(arguments: [
        ["1", "1.0", "1e0", "10e-1", "0.1E+1", "100e-2", "1.000"],
        ["0", "-0", "0.0", "0e5", "-0.00e-7", "0e999999999"],
        ["9007199254740993", "9007199254740993.0", "9007199254740.993e3"], ["1e400", "10e399", "0.001e403"],
        ["-12.50", "-1250e-2", "-0.125E2"], ["18446744073709551616", "1844674407370955161.6e1"],
    ])
    func isEqualInEverySpelling(literals: [String]) throws {
        for one in literals {
            for other in literals { #expect(try number(one) == number(other), "\(one) and \(other)") }
        }
    }

    @Test func isOrderedToTheLastDigit() throws {
        let ordered = [
            "-1e400", "-18446744073709551617", "-18446744073709551616", "-2", "-1.5", "-1", "-0.1", "-1e-400", "0",
            "1e-400",
            "0.1", "0.10000000000000000001", "0.5", "1", "1.00000000000000000001", "9", "10", "99", "100",
            "9007199254740992", "9007199254740992.5", "9007199254740993", "18446744073709551615",
            "18446744073709551616",
            "1e308", "1e400",
        ]
        let numbers = try ordered.map(number)
        for (index, one) in numbers.enumerated() {
            for (other, number) in numbers.enumerated() {
                #expect((one < number) == (index < other) && (one == number) == (index == other))
            }
        }
    }

    @Test(arguments: [0, 1, -1, 10, 100, Int.max, Int.min, 9_007_199_254_740_993])
    func isAnInteger(value: Int) throws {
        #expect(try number("\(value)") == ExactNumber(value))
    }

    @Test func isNilIfTheExponentIsTooLong() {
        #expect(ExactNumber("1e99999999999999999999") == nil)
        #expect(ExactNumber("1e-999999999999999999") == nil)
        #expect(ExactNumber("1e99999999999999999") != nil)
    }
}
