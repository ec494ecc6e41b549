import Outbound
import TokenExchange

/// A request in the form in which it is sent.
struct UpstreamMessage: Sendable, Redacted {
    let method: String
    let url: String
    let headers: [(name: String, value: String)]
    /// Nil for none.
    let body: [UInt8]?

    /// - Parameters:
    ///   - isMasked: whether secrets are shown by their length alone.
    ///   - limit: for secrets in files that do not answer.
    /// - Throws: if a value has characters that its place cannot hold, or a secret cannot be read.
    init(
        _ endpoint: UpstreamEndpoint, headers fields: [UpstreamRequest.Field], body members: [UpstreamRequest.Field],
        accessToken: [UInt8]?, trace: RequestTrace, isMasked: Bool = false, within limit: Duration
    ) async throws(UpstreamFailure) {
        let access = accessToken.map { ExactText(bytes: $0) }
        var headers: [(name: String, value: String)] = [
            ("Accept", "application/json"), ("User-Agent", BuildInformation.userAgent),
        ]
        for field in fields {
            let name = String(field.name)
            let value = "\(field.prefix)\(try await field.resolved(access, isMasked, within: limit).plainText)"
            guard value.fitsHeader else {
                throw .refused(cause: "the value of the header \(name) has characters that no header can hold")
            }
            headers.removeAll { $0.name.lowercased() == name.lowercased() }
            headers.append((name, value))
        }
        headers += [
            ("X-Request-Id", trace.requestID), ("traceparent", trace.traceparent), ("tracestate", trace.tracestate),
        ].compactMap { name, value in value.map { (name, $0) } }
        if endpoint.method == .get {
            body = nil
        } else {
            var resolved: [(field: UpstreamRequest.Field, value: JSONValue)] = []
            for field in members { resolved.append((field, try await field.resolved(access, isMasked, within: limit))) }
            let (type, text) = Self.encoded(resolved, as: endpoint.format)
            headers.append(("Content-Type", type))
            body = text
        }
        method = endpoint.method.rawValue
        url = String(endpoint.url)
        self.headers = headers
    }

    private static func encoded(
        _ members: [(field: UpstreamRequest.Field, value: JSONValue)], as format: UpstreamEndpoint.Format
    ) -> (type: String, [UInt8]) {
        switch format {
        case .json:
            let object = members.map { field, value in
                JSONValue.Member(
                    field.name, field.prefix.isEmpty ? value : .string("\(field.prefix)\(value.plainText)"))
            }
            return ("application/json", JSONValue.object(object).text)
        case .form:
            let pairs = members.map { field, value in
                formEncoded(String(field.name)) + "=" + formEncoded("\(field.prefix)\(value.plainText)")
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
    fileprivate func resolved(
        _ accessToken: ExactText?, _ isMasked: Bool, within limit: Duration
    ) async throws(UpstreamFailure) -> JSONValue {
        switch value {
        case .value(let value, let isSecret): return isSecret && isMasked ? value.mask : value
        case .secret(let secret):
            let text: String
            do { text = try await secret.read(limit) } catch { throw .unavailable(cause: "\(error)") }
            let value = JSONValue.string(ExactText(text))
            return isMasked ? value.mask : value
        case .accessToken: return .string(accessToken ?? "")
        }
    }
}

extension JSONValue {
    fileprivate var mask: JSONValue { .string(ExactText("***\(string?.count ?? 0)-characters***")) }
}
