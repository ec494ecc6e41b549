/// A strict reader of JSON text, in one pass.
///
/// Stricter than RFC 8259 where other readers differ, except with ``JSONStrictness/grammar``: it refuses duplicate
/// names (compared with escapes resolved, at every depth), lone surrogates and `\u0000`. Foundation and jansson
/// silently keep one of two duplicates. Of a number only the form is checked; ``ExactNumber`` has its value.
struct JSONScanner {
    private let bytes: [UInt8]
    private let limits: JSONLimits
    private let strictness: JSONStrictness
    private var position = 0
    private var depth = 0
    /// Names in all open objects, the innermost last.
    private var names: [Name] = []

    private struct Name {
        let hash: UInt64
        let string: ScannedString
    }

    /// A string's content without its quotes, and whether it has escapes to resolve.
    struct ScannedString {
        let range: Range<Int>
        let isEscaped: Bool
    }

    init(_ bytes: [UInt8], limits: JSONLimits, strictness: JSONStrictness = .unambiguous) {
        self.bytes = bytes
        self.limits = limits
        self.strictness = strictness
    }
}

// MARK: - Documents

extension JSONScanner {
    /// Reads a text that is one object; `member` gets the range of each top-level value.
    mutating func scanDocument(member: (ScannedString, Range<Int>) -> Void) throws(JSONError) {
        names.reserveCapacity(32)
        skipWhiteSpace()
        guard peek() == UInt8(ascii: "{") else { throw .malformed }
        try scanObject(member: member)
        try expectEnd()
    }

    /// Reads the value that begins at `start`.
    mutating func readValue(at start: Int) throws(JSONError) -> JSONValue {
        position = start
        return try readValue()
    }

    /// The ranges of the elements of the array that begins at `start`; nil if the value there is not an array.
    mutating func scanElements(at start: Int) throws(JSONError) -> [Range<Int>]? {
        position = start
        guard peek() == UInt8(ascii: "[") else { return nil }
        var elements: [Range<Int>] = []
        try eachElement { scanner throws(JSONError) in
            let start = scanner.position
            try scanner.scanValue()
            elements.append(start..<scanner.position)
        }
        return elements
    }

    /// Reads a text that is one value of any type.
    mutating func readDocument() throws(JSONError) -> JSONValue {
        skipWhiteSpace()
        let value = try readValue()
        try expectEnd()
        return value
    }

    private mutating func expectEnd() throws(JSONError) {
        skipWhiteSpace()
        guard position == bytes.count else { throw .malformed }
    }
}

// MARK: - Values

extension JSONScanner {
    private mutating func readValue() throws(JSONError) -> JSONValue {
        switch peek() {
        case UInt8(ascii: "{"):
            var members: [JSONValue.Member] = []
            try eachMember { scanner, name throws(JSONError) in
                members.append(.init(scanner.string(name), try scanner.readValue()))
            }
            return .object(members)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try eachElement { scanner throws(JSONError) in values.append(try scanner.readValue()) }
            return .array(values)
        case UInt8(ascii: "\""): return .string(string(try scanString().string))
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): return try scanLiteral()
        default:
            let start = position
            try scanNumber()
            return .number(literal: ExactText(bytes: bytes[start..<position]))
        }
    }

    private mutating func scanValue() throws(JSONError) {
        switch peek() {
        case UInt8(ascii: "{"): try scanObject { _, _ in }
        case UInt8(ascii: "["): try eachElement { scanner throws(JSONError) in try scanner.scanValue() }
        case UInt8(ascii: "\""): _ = try scanString()
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try scanLiteral()
        default: try scanNumber()
        }
    }

    private mutating func scanObject(member: (ScannedString, Range<Int>) -> Void) throws(JSONError) {
        try eachMember { scanner, name throws(JSONError) in
            let start = scanner.position
            try scanner.scanValue()
            member(name, start..<scanner.position)
        }
    }

    private mutating func eachMember(
        _ readMember: (inout JSONScanner, ScannedString) throws(JSONError) -> Void
    ) throws(JSONError) {
        let outerNames = names.count
        try open()
        skipWhiteSpace()
        if !skip(UInt8(ascii: "}")) {
            repeat {
                skipWhiteSpace()
                let name = try scanString()
                try remember(name, since: outerNames)
                skipWhiteSpace()
                guard skip(UInt8(ascii: ":")) else { throw .malformed }
                skipWhiteSpace()
                try readMember(&self, name.string)
                skipWhiteSpace()
            } while skip(UInt8(ascii: ","))
            guard skip(UInt8(ascii: "}")) else { throw .malformed }
        }
        names.removeSubrange(outerNames...)
        depth -= 1
    }

    private mutating func eachElement(
        _ readElement: (inout JSONScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        try open()
        skipWhiteSpace()
        if !skip(UInt8(ascii: "]")) {
            repeat {
                skipWhiteSpace()
                try readElement(&self)
                skipWhiteSpace()
            } while skip(UInt8(ascii: ","))
            guard skip(UInt8(ascii: "]")) else { throw .malformed }
        }
        depth -= 1
    }

    private mutating func open() throws(JSONError) {
        position += 1
        depth += 1
        guard depth <= limits.depth else { throw .tooDeep }
    }

    private mutating func remember(_ name: Name, since outerNames: Int) throws(JSONError) {
        if strictness == .grammar { return }
        guard names.count - outerNames < limits.members else { throw .tooManyMembers }
        for other in names[outerNames...] where other.hash == name.hash {
            guard string(other.string) != string(name.string) else { throw .duplicateMember }
        }
        names.append(name)
    }

    private mutating func scanLiteral() throws(JSONError) -> JSONValue {
        switch peek() {
        case UInt8(ascii: "t"): try skip("true", .bool(true))
        case UInt8(ascii: "f"): try skip("false", .bool(false))
        default: try skip("null", .null)
        }
    }

    private mutating func skip(_ literal: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard literal.withUTF8Buffer({ bytes[position...].starts(with: $0) }) else { throw .malformed }
        position += literal.utf8CodeUnitCount
        return value
    }
}

// MARK: - Strings

extension JSONScanner {
    /// The string's content with escapes resolved.
    func string(_ string: ScannedString) -> ExactText {
        JSONString.text(bytes[string.range], isEscaped: string.isEscaped)
    }

    /// Reads a string literal and hashes its content (FNV-1a) with escapes resolved.
    private mutating func scanString() throws(JSONError) -> Name {
        guard skip(UInt8(ascii: "\"")) else { throw .malformed }
        let start = position
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var isEscaped = false
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return Name(hash: hash, string: .init(range: start..<(position - 1), isEscaped: isEscaped))
            case UInt8(ascii: "\\"):
                isEscaped = true
                for unit in UTF8.encode(try scanEscape())! { mix(unit) }
            case 0x20..<0x80:
                mix(byte)
                position += 1
            case 0x80...:
                let end = try endOfMultibyteCharacter()
                while position < end {
                    mix(bytes[position])
                    position += 1
                }
            default: throw .malformed
            }
        }
        throw .malformed
    }

    private mutating func scanEscape() throws(JSONError) -> Unicode.Scalar {
        position += 1
        guard let byte = peek() else { throw .malformed }
        position += 1
        if let scalar = JSONString.simpleEscape(byte) { return scalar }
        guard byte == UInt8(ascii: "u") else { throw .malformed }
        let unit = try scanCodeUnit()
        if let scalar = Unicode.Scalar(unit), unit != 0 { return scalar }
        if strictness == .grammar { return "\u{FFFD}" }
        guard UTF16.isLeadSurrogate(unit), skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else { throw .malformed }
        let trail = try scanCodeUnit()
        guard UTF16.isTrailSurrogate(trail) else { throw .malformed }
        return Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00))!
    }

    private mutating func scanCodeUnit() throws(JSONError) -> UInt16 {
        guard let unit = JSONString.codeUnit(bytes[position...].prefix(4)) else { throw .malformed }
        position += 4
        return unit
    }

    /// RFC 3629 §4: shortest form only, no surrogates, nothing beyond U+10FFFF.
    private func endOfMultibyteCharacter() throws(JSONError) -> Int {
        let (count, second): (Int, ClosedRange<UInt8>)
        switch bytes[position] {
        case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (count, second) = (3, 0x80...0xBF)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw .malformed
        }
        let end = position + count
        guard end <= bytes.count, second ~= bytes[position + 1],
            bytes[(position + 2)..<end].allSatisfy({ 0x80...0xBF ~= $0 })
        else { throw .malformed }
        return end
    }
}

// MARK: - Numbers and bytes

extension JSONScanner {
    /// RFC 8259 §6.
    private mutating func scanNumber() throws(JSONError) {
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) { try scanDigits() }
        if skip(UInt8(ascii: ".")) { try scanDigits() }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
            try scanDigits()
        }
    }

    private mutating func scanDigits() throws(JSONError) {
        let start = position
        while let byte = peek(), UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        guard position > start else { throw .malformed }
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }
}
