import CountersignHTTP
import Testing

/// What clients may say of their traces. Whatever cannot be used is as if it were absent.
@Suite struct TraceContextTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "b7ad6b7169203331"
    private static let good = "00-\(trace)-\(parent)-01"

    @Test func readsTheVersionThatItKnows() throws {
        let context = try #require(TraceContext(Self.good))
        #expect(context.traceID == UInt128(Self.trace, radix: 16) && context.parentID == UInt64(Self.parent, radix: 16))
        #expect(context.isSampled && context.traceparent == Self.good)
    }

    @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true)])
    func keepsTheFlagsThatItKnows(flags: String, isSampled: Bool) {
        let context = TraceContext("00-\(Self.trace)-\(Self.parent)-\(flags)")
        #expect(context?.isSampled == isSampled)
        #expect(context?.traceparent == "00-\(Self.trace)-\(Self.parent)-\(flags)")
    }

    @Test func leavesOutFlagsThatItDoesNotKnow() {
        #expect(TraceContext("00-\(Self.trace)-\(Self.parent)-ff")?.traceparent.hasSuffix("-03") == true)
    }

    @Test(arguments: ["01-\(trace)-\(parent)-01", "fe-\(trace)-\(parent)-01-and-more", "cc-\(trace)-\(parent)-01-"])
    func readsHigherVersionsAsFarAsTheyAreTheSame(text: String) {
        #expect(TraceContext(text)?.traceparent == Self.good)
    }

    @Test(arguments: [
        "", "-", "00", "00-0-0-01", "nonsense", good + "-", good + "0", " " + good, good + " ", "\(good), \(good)",
        String(good.dropLast()), "ff-\(trace)-\(parent)-01", "0-\(trace)-\(parent)-001", "01-\(trace)-\(parent)-01x",
        "01-\(trace)-\(parent)-0", "00-\(trace.uppercased())-\(parent)-01", "00-\(trace)-\(parent.uppercased())-01",
        "0A-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-0A", "00-\(String(repeating: "0", count: 32))-\(parent)-01",
        "00-\(trace)-\(String(repeating: "0", count: 16))-01", "00-+\(trace.dropFirst())-\(parent)-01",
        "00-\(trace)-\(parent)-+1", "00_\(trace)_\(parent)_01", "00-\(trace)-\(parent.dropLast())é-01",
    ])
    func ignoresWhatItCannotUse(text: String) {
        #expect(TraceContext(text) == nil)
    }

    @Test func ignoresAMegabyte() {
        #expect(TraceContext(String(repeating: "0", count: 1_048_576)) == nil)
        #expect(TraceContext(String(repeating: Self.good + ",", count: 19_000)) == nil)
        #expect(!TraceState.isAcceptable(String(repeating: "a=1,", count: 262_144)))
    }

    // MARK: tracestate

    private static func members(_ count: Int) -> String { (0..<count).map { "k\($0)=v" }.joined(separator: ",") }

    @Test(arguments: [
        "a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1 , b=2", "a=1,,b=2", "t_n-t*/s@sys=a b~!", "1a=2",
        members(TraceState.memberLimit), "k=" + String(repeating: "v", count: TraceState.longest - 2),
    ])
    func passesOnWhatOthersHaveAdded(text: String) {
        #expect(TraceState.isAcceptable(text))
    }

    @Test(arguments: [
        "", ",", " ", "a", "=1", "a=", "A=1", "a b=1", "a=1=2", "a=\u{7F}", "a=é", "a=1,b",
        members(TraceState.memberLimit + 1),
        "k=" + String(repeating: "v", count: TraceState.longest - 1),
    ])
    func dropsWhatNobodyNeedPassOn(text: String) {
        #expect(!TraceState.isAcceptable(text))
    }
}
