package import TokenExchange

/// The fields of an `application/x-www-form-urlencoded` body, read as the WHATWG URL standard (§5.1) does: `+` is a blank,
/// and a `%` without two hexadecimal digits stands for itself. So only a field that comes twice and must not (RFC 6749 §3.2),
/// or too many of them, make a body unusable; what the values are worth is for others to say.
package struct FormBody {
    private let text: [UInt8]
    private let fields: [Field]

    private struct Field {
        let name: [UInt8]
        let value: Range<Int>
    }

    /// More than any request of ours has.
    package static let fieldLimit = 32

    /// - Parameter repeatable: names of fields that may come more than once.
    package init(_ text: [UInt8], repeatable: [ExactText] = []) throws(FormError) {
        var fields: [Field] = []
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: UInt8(ascii: "&")) ?? text.count
            if end > start {
                let nameEnd = text[start..<end].firstIndex(of: UInt8(ascii: "=")) ?? end
                let name = FormEncoding.decode(text[start..<nameEnd])
                guard repeatable.contains(ExactText(bytes: name)) || !fields.contains(where: { $0.name == name }) else {
                    throw .fieldTwice
                }
                guard fields.count < Self.fieldLimit else { throw .tooManyFields }
                fields.append(Field(name: name, value: min(nameEnd + 1, end)..<end))
            }
            start = end + 1
        }
        self.text = text
        self.fields = fields
    }

    /// The decoded value, of a repeated field the first one; nil if there is no such field.
    package func value(_ name: StaticString) -> [UInt8]? { values(name).first }

    /// Decoded, in the order of the body.
    package var names: [[UInt8]] { fields.map(\.name) }

    /// The decoded value, but empty counts as absent (RFC 6749 §3.2).
    package func parameter(_ name: StaticString) -> [UInt8]? { parameters(name).first }

    /// The decoded values of a field that may be repeated, without empty ones.
    package func parameters(_ name: StaticString) -> [[UInt8]] { values(name).filter { !$0.isEmpty } }

    private func values(_ name: StaticString) -> [[UInt8]] {
        let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return fields.filter { $0.name.elementsEqual(name) }.map { FormEncoding.decode(text[$0.value]) }
    }
}

/// Why a form cannot be used. Says nothing of its content; raw values are for the log.
package enum FormError: String, Error {
    case fieldTwice = "form_field_twice"
    case tooManyFields = "too_many_form_fields"
}

/// The encoding of one name or value.
enum FormEncoding {
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard text.contains(UInt8(ascii: "%")) || text.contains(UInt8(ascii: "+")) else { return Array(text) }
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
    /// The fields of a form.
    ///
    /// - Throws: ``Problem`` where the body is no form, too large, or a form that cannot be used.
    func collectForm(upTo limit: Int, repeatable: [ExactText] = []) async throws(Problem) -> FormBody {
        guard hasMediaType("application/x-www-form-urlencoded") else { throw Problem(.unsupportedMediaType) }
        let text = try await collectBody(upTo: limit)
        do { return try FormBody(text, repeatable: repeatable) } catch {
            throw Problem(.invalidRequest, reason: error.rawValue)
        }
    }
}
