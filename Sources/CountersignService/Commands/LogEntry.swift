import TokenExchange

/// A line of Countersign's log, in either form.
struct LogEntry {
    let time: UnixTime
    let level: String
    let message: String
    private let fields: [JSONValue.Member]

    /// A field's text; nil if there is none.
    subscript(name: ExactText) -> String? {
        guard let value = fields.first(where: { $0.name == name })?.value else { return nil }
        return value.string.map { String($0) } ?? String(decoding: value.text, as: UTF8.self)
    }

    /// Every field, for lines that are not of a request.
    var words: String {
        fields.filter { $0.name != "component" }.map { "\($0.name)=\(self[$0.name] ?? "")" }.joined(separator: " ")
    }

    /// Nil for what is no line of Countersign's, or only part of one. What a log's keeper has put before a line is left out.
    init?(_ line: ArraySlice<UInt8>) {
        guard let start = LogTime(of: line) else { return nil }
        let entry = start.isJSON ? Self.json(line[start.begin...]) : Self.text(line[start.begin...])
        guard let entry, let time = UnixTime(start.text) else { return nil }
        (self.time, level, message, fields) = (time, entry.level, entry.message, entry.fields)
    }

    private typealias Parts = (level: String, message: String, fields: [JSONValue.Member])

    private static func json(_ text: ArraySlice<UInt8>) -> Parts? {
        guard let value = try? JSONValue(parsing: Array(text)), case .object(let members) = value,
            let level = value["level"]?.string, let message = value["message"]?.string
        else { return nil }
        let fields = members.filter { !["time", "level", "message"].contains($0.name) }
        return (String(level), String(message), fields)
    }

    /// `2026-11-26T17:00:00.250Z info countersign: request name="value" number=1`.
    private static func text(_ text: ArraySlice<UInt8>) -> Parts? {
        let words = text.dropFirst(LogTime.count + 1).split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard words.count == 3, words[1].last == UInt8(ascii: ":") else { return nil }
        var (message, rest) = (words[2], words[2].suffix(0))
        // The message ends before the first word that begins as a field does.
        for space in words[2].indices where words[2][space] == UInt8(ascii: " ") {
            guard let fields = fields(of: words[2][(space + 1)...]) else { continue }
            (message, rest) = (words[2][..<space], words[2][(space + 1)...])
            return (String(decoding: words[0], as: UTF8.self), String(decoding: message, as: UTF8.self), fields)
        }
        return rest.isEmpty
            ? (String(decoding: words[0], as: UTF8.self), String(decoding: message, as: UTF8.self), []) : nil
    }

    /// Nil unless the text is fields to its end.
    private static func fields(of text: ArraySlice<UInt8>) -> [JSONValue.Member]? {
        var (rest, fields) = (text, [JSONValue.Member]())
        while !rest.isEmpty {
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: " ") }
            let after = rest[name.endIndex...]
            guard !name.isEmpty, after.first == UInt8(ascii: "=") else { return nil }
            let literal = literal(at: after.dropFirst())
            guard let value = try? JSONValue(parsing: Array(literal)) else { return nil }
            fields.append(JSONValue.Member(ExactText(bytes: name), value))
            rest = rest[literal.endIndex...]
            guard rest.isEmpty || rest.popFirst() == UInt8(ascii: " ") else { return nil }
        }
        return fields.isEmpty ? nil : fields
    }

    /// Up to the first space that is not in a string.
    private static func literal(at text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var (isInString, isEscaped) = (false, false)
        for position in text.indices {
            let byte = text[position]
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            } else if byte == UInt8(ascii: " "), !isInString {
                return text[..<position]
            }
        }
        return text
    }
}

/// When a line was written, found without reading the rest of it.
struct LogTime {
    /// Of the characters of a time.
    static let count = 24
    private static let mark = Array(#"{"time":""#.utf8)
    /// With a zero for any digit.
    private static let shape = Array("0000-00-00T00:00:00.000Z".utf8)

    private static func fits(_ byte: UInt8, _ expected: UInt8) -> Bool {
        let zero = UInt8(ascii: "0")
        return expected == zero ? (zero...UInt8(ascii: "9")).contains(byte) : byte == expected
    }

    let isJSON: Bool
    /// Where the line begins, after what its keeper has put before it.
    let begin: Int
    private let bytes: ArraySlice<UInt8>

    /// RFC 3339: later times come later in the order of their bytes.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Nil for what cannot be a whole line.
    init?(of line: ArraySlice<UInt8>) {
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        if let begin = line.position(of: Self.mark) {
            isJSON = true
            self.begin = begin
            bytes = line[(begin + Self.mark.count)...].prefix(Self.count)
            guard line.last == UInt8(ascii: "}") else { return nil }
        } else {
            isJSON = false
            begin = line.startIndex
            bytes = line.prefix(Self.count)
            guard line.dropFirst(Self.count).first == UInt8(ascii: " ") else { return nil }
        }
        guard bytes.count == Self.count, zip(bytes, Self.shape).allSatisfy(Self.fits) else { return nil }
    }

    /// Whether it is from `first` to `last`, both as ``text`` is.
    func isWithin(_ first: [UInt8], _ last: [UInt8]) -> Bool {
        !bytes.lexicographicallyPrecedes(first) && !last.lexicographicallyPrecedes(bytes)
    }
}

extension ArraySlice<UInt8> {
    /// Where `text`, which is not empty, first is; nil if nowhere.
    func position(of text: [UInt8]) -> Int? {
        withUnsafeBufferPointer { bytes in
            var position = 0
            while let start = bytes.position(of: Unicode.Scalar(text[0]), from: position),
                start + text.count <= bytes.count
            {
                if (1..<text.count).allSatisfy({ bytes[start + $0] == text[$0] }) { return startIndex + start }
                position = start + 1
            }
            return nil
        }
    }
}
