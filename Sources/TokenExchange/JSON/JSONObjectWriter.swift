/// Writes a JSON object member by member, without building a ``JSONValue``. Names that are a `StaticString` must need
/// no escapes.
package struct JSONObjectWriter {
    private var text: [UInt8]

    /// - Parameter capacity: the expected size in bytes.
    package init(capacity: Int) {
        text = []
        text.reserveCapacity(capacity)
        text.append(UInt8(ascii: "{"))
    }

    /// Adds a string.
    package mutating func add(_ name: StaticString, _ string: ExactText) {
        begin(name)
        JSONValue.append(string, to: &text)
    }

    /// Adds an integer.
    package mutating func add(_ name: StaticString, _ number: Int64) {
        begin(name)
        text.append(decimal: number)
    }

    /// Adds a value of any type.
    package mutating func add(_ name: StaticString, _ value: JSONValue) {
        begin(name)
        value.append(to: &text)
    }

    /// Adds a member whose name may need escapes.
    package mutating func add(_ member: JSONValue.Member) {
        separate()
        JSONValue.append(member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.append(to: &text)
    }

    /// Adds all members of `object`, copied byte for byte.
    package mutating func add(membersOf object: JSONObject) {
        let members = object.membersText
        guard !members.isEmpty else { return }
        separate()
        text.append(contentsOf: members)
    }

    /// Closes the object and returns its text.
    package mutating func finish() -> [UInt8] {
        text.append(UInt8(ascii: "}"))
        return text
    }

    private mutating func begin(_ name: StaticString) {
        separate()
        text.append(UInt8(ascii: "\""))
        text.append(name)
        text.append(UInt8(ascii: "\""))
        text.append(UInt8(ascii: ":"))
    }

    private mutating func separate() {
        if text.count > 1 { text.append(UInt8(ascii: ",")) }
    }
}
