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
    /// Of all open objects, the innermost last; with ``JSONStrictness/grammar`` only of the outermost.
    private var members: [JSONObject.Member] = []

    init(_ bytes: [UInt8], limits: JSONLimits, strictness: JSONStrictness = .unambiguous) {
        self.bytes = bytes
        self.limits = limits
        self.strictness = strictness
    }
}

// MARK: - Documents

extension JSONScanner {
    /// Reads a text that is one object, and returns its members.
    mutating func scanDocument() throws(JSONError) -> [JSONObject.Member] {
        members.reserveCapacity(min(30, bytes.count / 16 + 1))
        skipWhiteSpace()
        // A piece holds its positions in 32 bits.
        guard peek() == UInt8(ascii: "{"), bytes.count <= UInt32.max else { throw .malformed }
        try scanObject()
        try expectEnd()
        return members
    }

    /// Reads the value of an object's member that begins at `start`.
    mutating func readValue(at start: Int) throws(JSONError) -> JSONValue {
        (position, depth) = (start, 1)
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
                return false
            }
            return .object(members)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try eachElement { scanner throws(JSONError) in values.append(try scanner.readValue()) }
            return .array(values)
        case UInt8(ascii: "\""):
            let content = try scanString()
            return .string(string(content))
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): return try scanLiteral()
        default:
            let start = position
            try scanNumber()
            return .number(literal: ExactText(bytes: bytes, start..<position))
        }
    }

    /// - Returns: whether the value is a string with escapes.
    @discardableResult
    private mutating func scanValue() throws(JSONError) -> Bool {
        switch peek() {
        case UInt8(ascii: "{"): try scanObject()
        case UInt8(ascii: "["): try eachElement { scanner throws(JSONError) in try scanner.scanValue() }
        case UInt8(ascii: "\""): return try scanString().isEscaped
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try scanLiteral()
        default: try scanNumber()
        }
        return false
    }

    private mutating func scanObject() throws(JSONError) {
        try eachMember { scanner, _ throws(JSONError) in try scanner.scanValue() }
    }

    /// - Parameter readMember: gets the name, reads the value, and returns whether that is a string with escapes.
    private mutating func eachMember(
        _ readMember: (inout JSONScanner, Piece) throws(JSONError) -> Bool
    ) throws(JSONError) {
        let outerMembers = members.count
        var seen: UInt64 = 0
        try open()
        let areKept = strictness == .unambiguous || depth == 1
        skipWhiteSpace()
        if !skip(UInt8(ascii: "}")) {
            repeat {
                skipWhiteSpace()
                let name = try scanString()
                let hash = areKept ? hash(of: name) : 0
                if strictness == .unambiguous { try checkNew(name, hash, outerMembers, &seen) }
                skipWhiteSpace()
                guard skip(UInt8(ascii: ":")) else { throw .malformed }
                skipWhiteSpace()
                let start = position
                let isEscaped = try readMember(&self, name)
                let value = Piece(range: start..<position, isEscaped: isEscaped)
                if areKept { members.append(JSONObject.Member(name: name, value: value, hash: hash)) }
                skipWhiteSpace()
            } while skip(UInt8(ascii: ","))
            guard skip(UInt8(ascii: "}")) else { throw .malformed }
        }
        depth -= 1
        if depth > 0 { members.removeLast(members.count - outerMembers) }
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

    /// - Parameter seen: one bit for each hash of the object's names: without it there is nothing to compare with.
    private func checkNew(_ name: Piece, _ hash: UInt64, _ outerMembers: Int, _ seen: inout UInt64) throws(JSONError) {
        guard members.count - outerMembers < limits.members else { throw .tooManyMembers }
        let bit: UInt64 = 1 << (hash % 64)
        guard
            seen & bit == 0
                || !members[outerMembers...].contains(where: { $0.hash == hash && string($0.name) == string(name) })
        else { throw .duplicateMember }
        seen |= bit
    }

    private func hash(of name: Piece) -> UInt64 {
        if name.isEscaped { return string(name).withUTF8(\.quickHash) }
        return bytes.withUnsafeBufferPointer { UnsafeBufferPointer(rebasing: $0[name.range]).quickHash }
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
    func string(_ string: Piece) -> ExactText {
        JSONString.text(bytes, string.range, isEscaped: string.isEscaped)
    }

    /// Reads a string literal.
    private mutating func scanString() throws(JSONError) -> Piece {
        guard skip(UInt8(ascii: "\"")) else { throw .malformed }
        let start = position
        var isEscaped = false
        while true {
            position = bytes.withUnsafeBufferPointer { JSONString.endOfPlainText(in: $0, from: position) }
            switch peek() {
            case UInt8(ascii: "\""):
                position += 1
                return Piece(range: start..<(position - 1), isEscaped: isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                try scanEscape()
            case .some(0x80...): position = try endOfMultibyteCharacter()
            default: throw .malformed
            }
        }
    }

    private mutating func scanEscape() throws(JSONError) {
        position += 1
        guard let byte = peek() else { throw .malformed }
        position += 1
        if JSONString.simpleEscape(byte) != nil { return }
        guard byte == UInt8(ascii: "u") else { throw .malformed }
        let unit = try scanCodeUnit()
        if strictness == .grammar || Unicode.Scalar(unit) != nil && unit != 0 { return }
        guard UTF16.isLeadSurrogate(unit), skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else { throw .malformed }
        guard UTF16.isTrailSurrogate(try scanCodeUnit()) else { throw .malformed }
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

    @inline(__always)
    private mutating func skipWhiteSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }
}
