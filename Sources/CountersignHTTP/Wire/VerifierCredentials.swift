package import TokenExchange

/// The id and secret in a verifier's `Authorization` header, as `Basic` (RFC 7617) or as `Bearer <id>:<secret>`.
package struct VerifierCredentials: Redacted {
    /// The possible readings. `Basic` has two: both parts decoded as a form's (RFC 6749 §2.3.1), and as they are,
    /// because most clients do not encode them.
    package let candidates: [(id: [UInt8], secret: [UInt8])]

    /// Nil if the header is absent or has another form.
    package init?(authorization: String?) {
        guard let authorization else { return nil }
        let value = Array(authorization.utf8)
        if let token = AuthorizationScheme.bearer.credentials(in: value), let pair = Self.pair(token[...]) {
            candidates = [pair]
        } else if let encoded = AuthorizationScheme.basic.credentials(in: value),
            let text = Self.decodeBase64(encoded), let pair = Self.pair(text[...])
        {
            let decoded = (id: FormEncoding.decode(pair.id[...]), secret: FormEncoding.decode(pair.secret[...]))
            candidates = decoded == pair ? [pair] : [decoded, pair]
        } else {
            return nil
        }
    }

    /// Split at the first colon, which no id contains.
    private static func pair(_ text: ArraySlice<UInt8>) -> (id: [UInt8], secret: [UInt8])? {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return (Array(text[..<colon]), Array(text[(colon + 1)...]))
    }

    /// Base64 (RFC 4648 §4), with or without its padding.
    private static func decodeBase64(_ text: [UInt8]) -> [UInt8]? {
        var text = text
        if text.count.isMultiple(of: 4) {
            for _ in 0..<2 where text.last == UInt8(ascii: "=") { text.removeLast() }
        }
        for position in text.indices {
            switch text[position] {
            case UInt8(ascii: "+"): text[position] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): text[position] = UInt8(ascii: "_")
            case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
            default: break
            }
        }
        return Base64URL.decode(text)
    }
}

extension VerifierDirectory {
    /// The verifier with these credentials; nil if there is none. Every candidate is tried, so that the time taken does
    /// not show which one is right.
    package func verifier(_ credentials: VerifierCredentials) -> Verifier? {
        credentials.candidates.map { verifier(id: $0.id, secret: $0.secret) }.compactMap(\.self).first
    }
}
