import TokenExchange

/// A whole answer of an internal service, and the judgement on it.
struct UpstreamAnswer: Sendable {
    private static let jsonLimits = JSONLimits(depth: 32, members: 1024)

    let status: Int
    let contentType: String?
    /// Nil if the answer has none that can be understood.
    let rest: Duration?
    let body: [UInt8]
    let duration: Duration

    /// Holds nothing that the service sent except numbers and the shape of its body.
    private var note: String {
        let shape = UpstreamShape.text(of: Array(body.withoutByteOrderMark), Self.jsonLimits)
        return "status \(status) after \(Int64(duration / .milliseconds(1))) ms, \(shape)"
    }

    /// - Parameter now: the wall clock, for tokens that say when they end.
    func outcome(for endpoint: UpstreamEndpoint, maximumBytes: Int, now: UnixTime) -> AttemptOutcome {
        guard endpoint.successStatuses.contains(status) else { return unsuccessful }
        if let complaint = MediaType(contentType).complaint(about: body) { return refused(complaint) }
        // RFC 8259 §8.1 lets a reader pass over the mark.
        let text = Array(body.withoutByteOrderMark)
        guard let document = try? JSONValue(parsing: text, limits: Self.jsonLimits) else {
            return refused("no valid JSON")
        }
        guard let token = endpoint.tokenAt.value(in: document)?.string else {
            return refused("no string at \(endpoint.tokenAt.text)")
        }
        let bytes = token.bytes
        guard bytes.count <= maximumBytes else {
            return refused("a token of \(bytes.count) bytes, maximum_bytes allows \(maximumBytes)")
        }
        guard ExternalIdentity(bytes: bytes).hasUpstreamShape else {
            return refused("a token with other characters than printable ASCII without blanks")
        }
        do throws(UpstreamExpiry.Unreadable) {
            let lifetime = try endpoint.expiry.map { expiry throws(UpstreamExpiry.Unreadable) in
                try UpstreamExpiry.lifetime(in: document, by: expiry, now: now)
            }
            return .token(UpstreamToken(bytes: bytes, lifetime: lifetime ?? nil), note: note)
        } catch { return refused(error.cause) }
    }

    private func refused(_ reason: String) -> AttemptOutcome { .refused(cause: "\(reason); \(note)") }

    private var unsuccessful: AttemptOutcome {
        switch status {
        case 401: .unauthorized(cause: note)
        case 429: .throttled(cause: note, rest: rest)
        case 502, 503, 504: .busy(cause: note, rest: rest)
        case 500...: .broken(cause: note)
        default: .refused(cause: note)
        }
    }
}

/// What an answer looks like, without what it says.
enum UpstreamShape {
    private static let nameLimit = 24
    private static let memberLimit = 16

    /// A few words about a body, without any value in it.
    static func text(of body: [UInt8], _ limits: JSONLimits) -> String {
        if body.isEmpty { return "an empty body" }
        guard let document = try? JSONValue(parsing: body, limits: limits) else {
            return "\(body.count) bytes, no JSON"
        }
        return text(of: document, depth: 0)
    }

    private static func text(of value: JSONValue, depth: Int) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string(let string): "string(\(string.count))"
        case .array(let elements): "array(\(elements.count))"
        case .object(let members) where depth < 2: object(members, depth: depth)
        case .object(let members): "object(\(members.count))"
        }
    }

    private static func object(_ members: [JSONValue.Member], depth: Int) -> String {
        var parts = members.prefix(memberLimit).map {
            "\(name(String($0.name))): \(text(of: $0.value, depth: depth + 1))"
        }
        if members.count > memberLimit { parts.append("and \(members.count - memberLimit) more") }
        return "{\(parts.joined(separator: ", "))}"
    }

    /// A name as programmers give them; anything else might be a value in a name's place.
    private static func name(_ name: String) -> String {
        let isPlain =
            name.utf8.count <= nameLimit
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        return isPlain ? name : "a name of \(name.utf8.count) bytes"
    }
}
