import TokenExchange

/// A request in the form in which it is sent.
struct UpstreamMessage: Sendable, Redacted {
    let method: String
    let url: String
    let headers: [(name: String, value: String)]
    /// Nil for none.
    let body: [UInt8]?

    /// - Throws: where a value cannot stand where it should.
    init(
        _ endpoint: UpstreamEndpoint, headers fields: [UpstreamRequest.Field], body members: [UpstreamRequest.Field],
        accessToken: [UInt8]?, trace: RequestTrace
    ) throws(UpstreamFailure) {
        let access = accessToken.map { String(decoding: $0, as: UTF8.self) }
        var headers: [(name: String, value: String)] = [
            ("Accept", "application/json"), ("User-Agent", "countersign"),
        ]
        for field in fields {
            let (name, value) = (String(field.name), "\(field.prefix)\(field.resolved(access).plainText)")
            guard value.fitsHeader else {
                throw .refused(cause: "the value of the header \(name) has characters that no header can hold")
            }
            headers.removeAll { $0.name.lowercased() == name.lowercased() }
            headers.append((name, value))
        }
        headers += [("X-Request-Id", trace.requestID), ("traceparent", trace.traceparent)].compactMap { name, value in
            value.map { (name, $0) }
        }
        if endpoint.method == .get {
            body = nil
        } else {
            let (type, text) = Self.encoded(members, as: endpoint.format, access)
            headers.append(("Content-Type", type))
            body = text
        }
        method = endpoint.method.rawValue
        url = String(endpoint.url)
        self.headers = headers
    }

    private static func encoded(
        _ members: [UpstreamRequest.Field], as format: UpstreamEndpoint.Format, _ access: String?
    ) -> (type: String, [UInt8]) {
        switch format {
        case .json:
            let object = members.map { field in
                let value = field.resolved(access)
                return JSONValue.Member(
                    field.name, field.prefix.isEmpty ? value : .string("\(field.prefix)\(value.plainText)"))
            }
            return ("application/json", JSONValue.object(object).text)
        case .form:
            let pairs = members.map { field in
                formEncoded(String(field.name)) + "="
                    + formEncoded("\(field.prefix)\(field.resolved(access).plainText)")
            }
            return ("application/x-www-form-urlencoded", Array(pairs.joined(separator: "&").utf8))
        }
    }

    private static func formEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "*"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: " "): encoded += "+"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}

extension UpstreamRequest.Field {
    fileprivate func resolved(_ accessToken: String?) -> JSONValue {
        switch value {
        case .value(let value, _): value
        case .accessToken: .string(accessToken ?? "")
        }
    }
}
