import HTTPTypes
import TokenExchange

/// What a client says of the trace that its request belongs to: `traceparent` of W3C Trace Context §3.2, and what later
/// versions of it have in common with version 00.
package struct TraceContext: Sendable, Equatable {
    package let traceID: UInt128
    package let parentID: UInt64
    /// Sampled, and whether the trace's id is random; other flags are not passed on.
    private let flags: UInt8

    /// Nil if there is none, or none that can be used; the request is then served as if it had none.
    init?(_ fields: RequestFields) {
        guard let value = fields[.traceparent] else { return nil }
        self.init(value)
    }

    /// `00-<32 hex digits>-<16>-<2>` in lower case, ids not all zero. A higher version may have more after that.
    package init?(_ text: String) {
        let bytes = text.utf8
        let digits = bytes.prefix(Self.count).split(
            separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard digits.map(\.count) == [2, 32, 16, 2], digits.allSatisfy({ $0.allSatisfy(Self.isDigit) }),
            let version = UInt8(Substring(digits[0]), radix: 16), version != 0xFF,
            version == 0 ? bytes.count == Self.count : bytes.dropFirst(Self.count).first ?? Self.dash == Self.dash,
            let traceID = UInt128(Substring(digits[1]), radix: 16), traceID != 0,
            let parentID = UInt64(Substring(digits[2]), radix: 16), parentID != 0,
            let flags = UInt8(Substring(digits[3]), radix: 16)
        else { return nil }
        self.traceID = traceID
        self.parentID = parentID
        self.flags = flags & 0b11
    }

    /// Whether the client records its own part.
    package var isSampled: Bool { flags & 1 != 0 }

    /// As it is passed on, in the highest version that we know.
    package var traceparent: String { Self.text(traceID, parentID, flags: flags) }

    static func text(_ traceID: UInt128, _ parentID: UInt64, flags: UInt8) -> String {
        "00-\(traceID.paddedHexadecimal)-\(parentID.paddedHexadecimal)-\(flags.paddedHexadecimal)"
    }

    /// Of version 00.
    private static let count = 55
    private static let dash = UInt8(ascii: "-")

    private static func isDigit(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

/// `tracestate` of W3C Trace Context §3.3. It is passed on unread.
package enum TraceState {
    /// Longer ones need not be passed on (§3.3.1.5).
    package static let longest = 512
    package static let memberLimit = 32

    /// Nil if there is none, or none that can be passed on.
    static func value(in fields: RequestFields) -> String? {
        fields[.tracestate].flatMap { isAcceptable($0) ? $0 : nil }
    }

    /// A list of at most ``memberLimit`` pairs of key and value.
    package static func isAcceptable(_ text: String) -> Bool {
        guard text.utf8.count <= longest else { return false }
        let members = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { $0.drop(while: ASCII.isBlank) }.filter { !$0.isEmpty }
        return 1...memberLimit ~= members.count && members.allSatisfy(isMember)
    }

    private static func isMember(_ member: Substring.UTF8View) -> Bool {
        guard let separator = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let (key, value) = (member[..<separator], member[separator...].dropFirst())
        return !key.isEmpty && key.allSatisfy(isKey) && !value.isEmpty
            && value.allSatisfy { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: "=") }
    }

    private static func isKey(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || "_-*/@".utf8.contains(byte)
    }
}

extension HTTPField.Name {
    static let traceparent = HTTPField.Name("traceparent")!
    static let tracestate = HTTPField.Name("tracestate")!
}
