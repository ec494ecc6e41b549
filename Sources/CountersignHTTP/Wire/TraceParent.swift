import HTTPTypes

/// `traceparent` of W3C Trace Context §3.2, version 00: `00-<32 hex digits>-<16>-<2>`, in lower case, ids not all zero.
enum TraceParent {
    /// Other versions of the header are not well-formed here.
    static func isWellFormed(_ value: String) -> Bool {
        let parts = value.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 32, 16, 2], parts[0].elementsEqual("00".utf8) else { return false }
        let isZero = { (part: Substring.UTF8View.SubSequence) in part.allSatisfy { $0 == UInt8(ascii: "0") } }
        return parts.allSatisfy { $0.allSatisfy(isHexadecimal) } && !isZero(parts[1]) && !isZero(parts[2])
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

extension HTTPField.Name {
    static let traceparent = HTTPField.Name("traceparent")!
}
