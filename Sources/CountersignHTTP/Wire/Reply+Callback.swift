import HTTPTypes
import TokenExchange

extension Reply {
    /// The answer to a login that succeeds.
    /// - Parameters:
    ///   - externalIdentity: nil if an optional provider's login goes on without one.
    ///   - cause: the failure that the login goes on in spite of.
    static func callback(_ externalIdentity: ExternalIdentity?, degradedBy cause: ErrorCode? = nil) -> Reply {
        let reply = json(callbackBody(externalIdentity))
        if let cause { reply.headers[.countersignDegraded] = cause.rawValue }
        return reply
    }

    /// Our own tokens need no escaping (`[A-Za-z0-9._~-]`), but those of internal services may have any printable
    /// character.
    private static func callbackBody(_ externalIdentity: ExternalIdentity?) -> [UInt8] {
        guard let externalIdentity else { return Array(#"{"external_identity":null}"#.utf8) }
        var body: [UInt8] = []
        body.reserveCapacity(externalIdentity.bytes.count + 24)
        body.append(contentsOf: #"{"external_identity":"#.utf8)
        JSONValue.append(ExactText(bytes: externalIdentity.bytes), to: &body)
        body.append(UInt8(ascii: "}"))
        return body
    }
}

extension HTTPField.Name {
    static let countersignDegraded = HTTPField.Name("Countersign-Degraded")!
    static let requestID = HTTPField.Name("X-Request-Id")!
}
