/// Writes a JSON object member by member, without a tree of values in between.
package struct JSONObjectWriter {
    private var text: [UInt8]

    /// - Parameter capacity: bytes to expect.
    package init(capacity: Int) {
        text = []
        text.reserveCapacity(capacity)
        text.append(UInt8(ascii: "{"))
    }

    package mutating func add(_ name: StaticString, _ string: ExactText) {
        begin(name)
        JSONValue.append(string, to: &text)
    }

    package mutating func add(_ name: StaticString, _ number: Int64) {
        begin(name)
        text.append(contentsOf: String(number).utf8)
    }

    package mutating func add(_ name: StaticString, _ value: JSONValue) {
        begin(name)
        value.append(to: &text)
    }

    package mutating func add(_ member: JSONValue.Member) {
        separate()
        JSONValue.append(member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.append(to: &text)
    }

    /// All members of `object`, to the letter.
    package mutating func add(membersOf object: JSONObject) {
        let members = object.membersText
        guard !members.isEmpty else { return }
        separate()
        text.append(contentsOf: members)
    }

    /// The whole object.
    package consuming func finish() -> [UInt8] {
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
