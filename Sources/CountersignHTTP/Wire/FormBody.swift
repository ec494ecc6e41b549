package import TokenExchange

/// The fields of an `application/x-www-form-urlencoded` body, read as the WHATWG URL standard (§5.1) does: `+` is a
/// blank, and a `%` without two hexadecimal digits is just a `%`. So a body is refused only for a repeated field that
/// must not be repeated (RFC 6749 §3.2), or for too many fields. Values are not judged here.
package struct FormBody {
    private let text: [UInt8]
    private let fields: [Field]

    private struct Field {
        let name: [UInt8]
        let value: Range<Int>
    }

    /// More than any endpoint's form has.
    package static let fieldLimit = 32

    /// - Parameter repeatable: names of fields that may come more than once.
    /// - Throws: ``FormError``.
    package init(_ text: [UInt8], repeatable: [ExactText] = []) throws {
        var fields: [Field] = []
        var start = 0
        while start < text.count {
            let end = text.withUnsafeBufferPointer { $0.position(of: "&", from: start) } ?? text.count
            if end > start {
                let nameEnd = text[start..<end].firstIndex(of: UInt8(ascii: "=")) ?? end
                let name = FormEncoding.decode(text[start..<nameEnd])
                guard repeatable.contains(ExactText(bytes: name)) || !fields.contains(where: { $0.name == name }) else {
                    throw FormError.fieldTwice
                }
                guard fields.count < Self.fieldLimit else { throw FormError.tooManyFields }
                fields.append(Field(name: name, value: min(nameEnd + 1, end)..<end))
            }
            start = end + 1
        }
        self.text = text
        self.fields = fields
    }

    /// The decoded value, the first one if the field is repeated; nil if there is no such field.
    package func value(_ name: StaticString) -> [UInt8]? { values(name).first }

    /// The decoded names of all fields, in the order of the body.
    package var names: [[UInt8]] { fields.map(\.name) }

    /// The decoded value; nil if there is no such field or its value is empty (RFC 6749 §3.2).
    package func parameter(_ name: StaticString) -> [UInt8]? { parameters(name).first }

    /// The decoded values of a field that may be repeated, without the empty ones.
    package func parameters(_ name: StaticString) -> [[UInt8]] { values(name).filter { !$0.isEmpty } }

    private func values(_ name: StaticString) -> [[UInt8]] {
        let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return fields.filter { $0.name.elementsEqual(name) }.map { FormEncoding.decode(text[$0.value]) }
    }
}

/// Why a form cannot be used. Says nothing about its content; raw values are for the log.
package enum FormError: String, Error, CaseIterable {
    case fieldTwice = "form_field_twice"
    case tooManyFields = "too_many_form_fields"
}

/// The encoding of one name or value.
enum FormEncoding {
    /// Never fails; the result need not be UTF-8.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let isPlain = text.withUnsafeBufferPointer {
            $0.position(of: "%", from: 0) == nil && $0.position(of: "+", from: 0) == nil
        }
        if isPlain { return Array(text) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var position = text.startIndex
        while position < text.endIndex {
            switch text[position] {
            case UInt8(ascii: "+"): decoded.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                if text.endIndex - position > 2, let high = digit(text[position + 1]),
                    let low = digit(text[position + 2])
                {
                    decoded.append(high << 4 | low)
                    position += 2
                } else {
                    decoded.append(UInt8(ascii: "%"))
                }
            case let byte: decoded.append(byte)
            }
            position += 1
        }
        return decoded
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension IncomingRequest {
    /// Reads the body as a form.
    ///
    /// - Parameters:
    ///   - limit: of the body, in bytes.
    ///   - repeatable: names of fields that may come more than once.
    /// - Throws: if the body is not a form, is too large, or cannot be used.
    func collectForm(upTo limit: Int, repeatable: [ExactText] = []) async throws -> FormBody {
        guard hasMediaType("application/x-www-form-urlencoded") else { throw Problem(.unsupportedMediaType) }
        return try FormBody(try await collectBody(upTo: limit), repeatable: repeatable)
    }
}
