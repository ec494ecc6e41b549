/// What somebody pasted where an identity token is expected: the token in it, and what it is besides a plain token.
///
/// The service itself takes a token as it is; only those who ask why a token is refused are helped like this.
package struct PastedText: Sendable, Redacted {
    package private(set) var token: [UInt8]
    /// What was recognised, in whole sentences; empty for a plain token.
    package private(set) var remarks: [String] = []

    /// - Parameter ownIssuer: the `iss` of our external identities.
    package init(_ text: [UInt8], ownIssuer: ExactText) {
        token = text.trimmed
        // A URL may hold JSON, which holds the token: no more than that is around one.
        for _ in 0..<4 {
            guard let (inner, remark) = Self.unwrapped(token) else { break }
            token = inner.trimmed
            remarks.append(remark)
        }
        let kind = Self.ownership(of: token, ownIssuer: ownIssuer) ?? Self.container(token) ?? Self.cut(in: token)
        remarks += [kind].compactMap { $0 }
    }

    // MARK: What is around it

    /// What is inside quotes, a header, JSON, a form or a URL; nil if it is none of these, or nothing is inside.
    private static func unwrapped(_ text: [UInt8]) -> (inner: [UInt8], remark: String)? {
        if let inner = text.unquoted { return (inner, "The quotes around it were left out.") }
        if let inner = text.credentials { return (inner, "The word Bearer before it was left out.") }
        if text.first == UInt8(ascii: "{") { return member(of: text) }
        return parameter(of: text) ?? fragment(of: text)
    }

    /// Where tokens are found, in the order in which they are looked for: an identity token before an external identity.
    private static let names: [ExactText] = [
        "identity", "subject_token", "access_token", "id_token", "externalIdentity", "external_identity",
    ]

    private static func member(of text: [UInt8]) -> (inner: [UInt8], remark: String)? {
        guard let object = try? JSONObject(text, limits: JSONLimits(), strictness: .grammar) else { return nil }
        for name in names {
            if let token = object.string(name) { return (token.bytes, "It was taken from the member \(name) of JSON.") }
        }
        return nil
    }

    /// Of a query, a fragment or a form. NewStore's deep links have the whole query percent-encoded, so it is decoded
    /// before it is taken apart, once more than a correct link needs.
    private static func parameter(of text: [UInt8]) -> (inner: [UInt8], remark: String)? {
        let decoded = text.percentDecoded.percentDecoded
        for name in names {
            let key = name.bytes + [UInt8(ascii: "=")]
            guard let found = decoded.firstRange(of: key) else { continue }
            let isWhole = found.lowerBound == 0 || "?&#".utf8.contains(decoded[found.lowerBound - 1])
            let value = decoded[found.upperBound...].prefix(while: \.isTokenCharacter)
            if isWhole, !value.isEmpty {
                return (Array(value), "It was taken from the parameter \(name) of a URL or form.")
            }
        }
        return nil
    }

    /// NewStore's webviews get base64 of JSON as the fragment.
    private static func fragment(of text: [UInt8]) -> (inner: [UInt8], remark: String)? {
        guard let sign = text.firstIndex(of: UInt8(ascii: "#")) else { return nil }
        let characters = Array(text[(sign + 1)...]).percentDecoded.filter { $0 != UInt8(ascii: "=") }.map { byte in
            byte == UInt8(ascii: "+") ? UInt8(ascii: "-") : byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte
        }
        guard let json = Base64URL.decode(characters), json.first == UInt8(ascii: "{") else { return nil }
        return (json, "The fragment of the URL was decoded.")
    }

    // MARK: What it is

    private static func ownership(of token: [UInt8], ownIssuer: ExactText) -> String? {
        let isOpaque = ExternalIdentity(bytes: token).opaqueRandomPart != nil
        let issuer = try? UnverifiedToken(token, limits: TokenLimits()).claimedIssuer
        guard isOpaque || issuer == ownIssuer else { return nil }
        return """
            It is an external identity: this service's answer to a login, not the identity token that NewStore issued. \
            `countersign sessions show`, GET /session and POST /introspect say whether it is good.
            """
    }

    /// Something that holds no token where one is looked for.
    private static func container(_ text: [UInt8]) -> String? {
        let list = names.map(\.description).joined(separator: ", ")
        if text.first == UInt8(ascii: "{") {
            return "It is JSON, or a part of it, without one of these as a string: \(list)."
        }
        return text.firstRange(of: Array("://".utf8)) == nil ? nil : "It is a URL without one of these: \(list)."
    }

    private static func cut(in token: [UInt8]) -> String? {
        if token.count == terminalLine {
            return "It has 4095 characters, where a terminal cuts off a line: put the token into a file or a pipe."
        }
        let segments = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let header = segments.first.flatMap({ Base64URL.decode($0) }),
            let object = try? JSONObject(header, limits: JSONLimits(), strictness: .grammar),
            let algorithm = object.string("alg").flatMap(SignatureAlgorithm.init(name:))
        else { return nil }
        let (found, least) = (segments.dropFirst(2).first?.count ?? 0, algorithm.leastSignatureCount)
        guard found < Base64URL.encodedCount(of: least) else { return nil }
        return "It is cut off: it begins like a token, and of its signature there are \(found) characters, where "
            + "\(algorithm.rawValue) has \(Base64URL.encodedCount(of: least)) or more. Copy all of it."
    }

    /// Linux' terminals take no more than this before the newline (N_TTY_BUF_SIZE less one).
    private static let terminalLine = 4095
}

extension SignatureAlgorithm {
    /// In bytes; for RSA that of the shortest key that is accepted.
    fileprivate var leastSignatureCount: Int {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: 256
        case .es256, .edDSA: 64
        case .es384: 96
        case .es512: 132
        }
    }
}

extension UInt8 {
    /// Of the tokens that are passed on in URLs.
    fileprivate var isTokenCharacter: Bool {
        Base64URL.isCharacter(self) || self == UInt8(ascii: ".") || self == UInt8(ascii: "~")
    }
}

extension [UInt8] {
    fileprivate var trimmed: [UInt8] {
        let blanks = Array(" \t\r\n".utf8)
        return Array(drop(while: blanks.contains).reversed().drop(while: blanks.contains).reversed())
    }

    /// Nil if there are no quotes around it: plain, typographic, or a comma after them, as in a line of JSON.
    fileprivate var unquoted: [UInt8]? {
        let inner = last == UInt8(ascii: ",") ? dropLast() : self[...]
        for (open, close) in [("\"", "\""), ("'", "'"), ("`", "`"), ("“", "”")] {
            guard inner.starts(with: open.utf8), inner.reversed().starts(with: close.utf8.reversed()),
                inner.count >= open.utf8.count + close.utf8.count
            else { continue }
            return Array(inner.dropFirst(open.utf8.count).dropLast(close.utf8.count))
        }
        return nil
    }

    /// What follows `Bearer`, with or without `Authorization:` before it; nil if it is not there.
    fileprivate var credentials: [UInt8]? {
        let name = Array("authorization:".utf8)
        let isHeader = count > name.count && zip(self, name).allSatisfy { $0 | 0x20 == $1 | 0x20 }
        return AuthorizationScheme.bearer.credentials(in: isHeader ? Array(dropFirst(name.count)).trimmed : self)
    }

    /// What is no escape stays as it is.
    fileprivate var percentDecoded: [UInt8] {
        var (decoded, rest) = ([UInt8](), self[...])
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }
}
