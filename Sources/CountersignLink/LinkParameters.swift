import Foundation

/// The parameters of a deep link, still encoded.
struct LinkParameters {
    typealias Part = DeepLinkError.Part

    /// How often a link may be percent-encoded as a whole, and a cart or store within it.
    private static let encodings = 3

    private let values: [Part: ArraySlice<UInt8>]

    /// - Parameter link: all of it.
    init(of link: [UInt8]) throws(DeepLinkError) {
        let query = link.drop { $0 != UInt8(ascii: "?") }.dropFirst().prefix { $0 != UInt8(ascii: "#") }
        var layer = Array(query)
        var values = try Self.parameters(of: layer[...])
        // NewStore's own example encodes the whole query, separators included.
        for _ in 0..<Self.encodings where values.isEmpty {
            layer = try Self.decoded(layer[...], .link)
            values = try Self.parameters(of: layer[...])
        }
        self.values = values
    }

    /// A value of printable ASCII, which is safe in a header.
    func word(_ part: Part) throws(DeepLinkError) -> String {
        let text = try Self.text(try Self.decoded(try value(part), part), part)
        guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { throw .malformed(part, member: nil) }
        return text
    }

    /// A JSON object. One that was decoded with the whole query may hold a `%` that means nothing.
    func json<Value: Decodable>(_ part: Part) throws(DeepLinkError) -> Value {
        var bytes = Array(try value(part))
        for _ in 0..<Self.encodings where bytes.first != UInt8(ascii: "{") {
            bytes = try Self.decoded(bytes[...], part)
        }
        let text = try Self.text(bytes, part)
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch let error as DecodingError {
            throw .malformed(part, member: error.place)
        } catch {
            throw .malformed(part, member: nil)
        }
    }

    private func value(_ part: Part) throws(DeepLinkError) -> ArraySlice<UInt8> {
        guard let value = values[part] else { throw .missing(part) }
        return value
    }

    /// Some apps make a word of nothing.
    private static func text(_ bytes: [UInt8], _ part: Part) throws(DeepLinkError) -> String {
        guard let text = String(bytes: bytes, encoding: .utf8) else { throw .wronglyEncoded(part) }
        guard !["", "null", "undefined", "nil", "none", "(null)"].contains(text.lowercased()) else {
            throw .missing(part)
        }
        return text
    }

    // MARK: Scanning

    /// What an ampersand ends, and what begins with one of the names. Text within a JSON object may look like more.
    private static func parameters(of query: ArraySlice<UInt8>) throws(DeepLinkError) -> [Part: ArraySlice<UInt8>] {
        var values: [Part: ArraySlice<UInt8>] = [:]
        var rest = query
        while !rest.isEmpty {
            let part = Part.allCases.first { $0 != .link && rest.starts(with: "\($0.rawValue)=".utf8) }
            if let part { rest = rest.dropFirst(part.rawValue.utf8.count + 1) }
            let inside = part == nil ? rest.startIndex : endOfObject(rest)
            let end = rest[inside...].firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
            if let part, values.updateValue(rest[..<end], forKey: part) != nil { throw .doubled(part) }
            rest = rest[end...].dropFirst()
        }
        return values
    }

    /// Behind the JSON object that the text begins with; its start if it begins with none, or with one that does not end.
    private static func endOfObject(_ text: ArraySlice<UInt8>) -> Int {
        guard text.first == UInt8(ascii: "{") else { return text.startIndex }
        var depth = 0
        var isString = false
        var isEscaped = false
        for (position, byte) in zip(text.indices, text) {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isString
            case UInt8(ascii: "\""): isString.toggle()
            case UInt8(ascii: "{") where !isString: depth += 1
            case UInt8(ascii: "}") where !isString:
                depth -= 1
                if depth == 0 { return position + 1 }
            default: break
            }
        }
        return text.startIndex
    }

    /// A plus sign stays one: e-mail addresses have them.
    private static func decoded(_ text: ArraySlice<UInt8>, _ part: Part) throws(DeepLinkError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                throw .wronglyEncoded(part)
            }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        Character(Unicode.Scalar(character)).hexDigitValue.map { UInt8($0) }
    }
}

extension DecodingError {
    /// The member at fault, as in `items.0.price`; nil if it is the document.
    fileprivate var place: String? {
        let path: [any CodingKey] =
            switch self {
            case .keyNotFound(let key, let context): context.codingPath + [key]
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            @unknown default: []
            }
        return path.isEmpty ? nil : path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
