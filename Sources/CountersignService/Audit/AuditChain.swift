import JOSE
import TokenExchange

/// Where a chain of lines stands. Each line has its number, and the SHA-256 of the line before it:
/// `{"sequence":8,"previous":"<64 hexadecimal digits>","time":…`.
struct AuditChain: Sendable, Equatable {
    /// In bytes; no line is longer, and none that is longer is read.
    static let longestLine = 65_536
    /// `previous` of the first line.
    static let origin = [UInt8](repeating: UInt8(ascii: "0"), count: 64)

    /// Of the last line; 0 before the first one.
    private(set) var sequence: Int64 = 0
    /// SHA-256 of the last line's bytes, without its line feed.
    private(set) var hash = AuditChain.origin

    init() {}

    init(after line: AuditLine) {
        sequence = line.sequence
        hash = line.hash
    }

    /// Appends the next line, without a line feed.
    /// - Parameter entry: a JSON object.
    mutating func append(_ entry: ArraySlice<UInt8>, to text: inout [UInt8]) {
        sequence += 1
        var line: [UInt8] = []
        line.reserveCapacity(entry.count + 120)
        line += #"{"sequence":"#.utf8
        line += String(sequence).utf8
        line += #","previous":""#.utf8
        line += hash
        line += #"","#.utf8
        line += entry.dropFirst()
        hash = Self.digest(line)
        text += line
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// SHA-256 in 64 hexadecimal digits.
    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        OpenSSLRecordSealer().digest(bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }
    }
}

/// A line of an audit file, as it was read.
struct AuditLine: Sendable {
    let sequence: Int64
    let previous: [UInt8]
    let time: String
    let event: AuditEvent
    /// Of its own bytes.
    let hash: [UInt8]
    /// Of a line that was cut off before this one.
    let torn: (count: Int64, digest: [UInt8])?

    /// Nil for anything that the service does not write.
    /// - Parameter bytes: without a line feed.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= AuditChain.longestLine, bytes.starts(with: #"{"sequence":"#.utf8),
            let object = try? JSONValue(parsing: bytes), let sequence = object["sequence"]?.integer, sequence > 0,
            let previous = object["previous"]?.string, previous.count == AuditChain.origin.count,
            let time = object["time"]?.string, UnixTime(String(time)) != nil,
            let event = object["event"]?.string.flatMap({ AuditEvent(rawValue: String($0)) })
        else { return nil }
        self.sequence = sequence
        self.previous = previous.bytes
        self.time = String(time)
        self.event = event
        hash = AuditChain.digest(bytes)
        torn = object["torn_bytes"]?.integer.flatMap { count in
            object["torn_sha256"]?.string.map { (count, $0.bytes) }
        }
    }
}
