import TokenExchange

/// How a case of the corpus differs from the model token.
struct AttackRecipe: Sendable {
    let header: AttackSegment
    let payload: AttackSegment
    let signature: AttackSignature
    /// The whole of what is sent; nil for the compact serialization.
    let token: AttackText?

    init(_ value: JSONValue, at place: String) throws {
        let object = try StrictObject(value, ["header", "payload", "signature", "token"], at: place)
        header = try AttackSegment(object["header"] ?? .object([]), at: "\(place): header")
        payload = try AttackSegment(object["payload"] ?? .object([]), at: "\(place): payload")
        signature = try AttackSignature(object["signature"] ?? .object([]), at: "\(place): signature")
        token = try object["token"].map { try AttackText($0, at: "\(place): token") }
    }
}

/// Changes of a JSON segment: to its members, then to its text, then to its base64url.
struct AttackSegment: Sendable {
    private let removed: [String]
    /// JSON text of members that are replaced, or added at the end.
    private let set: [(name: ExactText, text: AttackText)]
    /// In place of the object; `${members}` are its members.
    private let text: AttackText
    private let changes: [SegmentChange]

    init(_ value: JSONValue, at place: String) throws {
        let object = try StrictObject(value, ["remove", "set", "raw", "text", "segment"], at: place)
        removed = try object.strings("remove")
        var set: [(name: ExactText, text: AttackText)] = []
        if case .object(let members) = object["set"] ?? .object([]) {
            set += members.map { ($0.name, AttackText(String(decoding: $0.value.text, as: UTF8.self))) }
        }
        if case .object(let members) = object["raw"] ?? .object([]) {
            set += try members.map { ($0.name, try AttackText($0.value, at: place)) }
        }
        self.set = set
        text = try object["text"].map { try AttackText($0, at: place) } ?? AttackText("{${members}}")
        changes = try object.array("segment").map { try SegmentChange($0, at: place) }
    }

    /// The segment made of `model`.
    func segment(of model: [JSONValue.Member], _ value: (String) throws -> [UInt8]) throws -> [UInt8] {
        var members = model.filter { !removed.contains(String($0.name)) }.map { (name: $0.name, text: $0.value.text) }
        for (name, text) in set {
            let text = try text.bytes(value)
            if let index = members.firstIndex(where: { $0.name == name }) {
                members[index].text = text
            } else {
                members.append((name, text))
            }
        }
        let list = members.map { JSONValue.string($0.name).text + [UInt8(ascii: ":")] + $0.text }
        let text = try text.bytes {
            $0 == "members" ? Array(list.joined(separator: [UInt8(ascii: ",")])) : try value($0)
        }
        return try changes.reduce(Base64URL.encode(text)) { try $1.apply(to: $0, value) }
    }
}

/// Changes of the text of one segment.
enum SegmentChange: Sendable {
    /// `=` up to a multiple of four, as RFC 4648 §4 has it.
    case pad
    /// `+` and `/` for `-` and `_`.
    case standardAlphabet
    /// The lowest unused bit of the last character is set.
    case trailingBits
    case prepend(AttackText)
    case append(AttackText)
    /// In the middle.
    case insert(AttackText)

    init(_ value: JSONValue, at place: String) throws {
        switch value.string {
        case "pad": self = .pad
        case "standard_alphabet": self = .standardAlphabet
        case "trailing_bits": self = .trailingBits
        default:
            let object = try StrictObject(value, ["prepend", "append", "insert"], at: place)
            guard let member = object.members.first, object.members.count == 1 else {
                throw AttackProblem(description: "\(place): expected one change")
            }
            let text = try AttackText(member.value, at: place)
            switch member.name {
            case "prepend": self = .prepend(text)
            case "append": self = .append(text)
            default: self = .insert(text)
            }
        }
    }

    func apply(to segment: [UInt8], _ value: (String) throws -> [UInt8]) throws -> [UInt8] {
        let changed: [UInt8]
        switch self {
        case .pad: changed = segment + [UInt8](repeating: UInt8(ascii: "="), count: (4 - segment.count % 4) % 4)
        case .standardAlphabet:
            changed = segment.map { character in
                switch character {
                case UInt8(ascii: "-"): UInt8(ascii: "+")
                case UInt8(ascii: "_"): UInt8(ascii: "/")
                default: character
                }
            }
        case .trailingBits:
            guard segment.count % 4 != 0, let last = segment.last else {
                changed = segment
                break
            }
            // Unused bits of canonical text are zero, so the next character of the alphabet differs in the lowest of them.
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
            changed = segment.dropLast() + [alphabet[alphabet.firstIndex(of: last)! + 1]]
        case .prepend(let text): changed = try text.bytes(value) + segment
        case .append(let text): changed = segment + (try text.bytes(value))
        case .insert(let text):
            changed = segment.prefix(segment.count / 2) + (try text.bytes(value)) + segment.dropFirst(segment.count / 2)
        }
        guard changed != segment else { throw AttackProblem(description: "\(self) changes nothing") }
        return changed
    }
}
