/// Writes a JSON object member by member, without a tree of values in between.
struct JSONObjectWriter {
    private(set) var text: [UInt8]

    /// - Parameter capacity: bytes to expect.
    init(capacity: Int) {
        text = []
        text.reserveCapacity(capacity)
        text.append(UInt8(ascii: "{"))
    }

    mutating func add(_ name: StaticString, _ string: String) {
        begin(name)
        JSONValue.append(string, to: &text)
    }

    mutating func add(_ name: StaticString, _ number: Int64) {
        begin(name)
        text.append(contentsOf: String(number).utf8)
    }

    mutating func add(_ name: StaticString, _ value: JSONValue) {
        begin(name)
        value.append(to: &text)
    }

    mutating func add(_ member: JSONValue.Member) {
        separate()
        JSONValue.append(member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.append(to: &text)
    }

    /// The whole object.
    consuming func finish() -> [UInt8] {
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// - Parameter name: ours, so there is nothing to escape in it.
    private mutating func begin(_ name: StaticString) {
        separate()
        text.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { text.append(contentsOf: $0) }
        text.append(contentsOf: "\":".utf8)
    }

    private mutating func separate() {
        if text.count > 1 { text.append(UInt8(ascii: ",")) }
    }
}
