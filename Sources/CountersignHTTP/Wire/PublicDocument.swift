import HTTPTypes

/// Bytes that are the same for everyone: pages of any origin may read them, and a client that has them need not fetch
/// them again.
struct PublicDocument: Sendable {
    let bytes: [UInt8]
    /// A strong validator, the same on every replica (RFC 9110 §8.8.3).
    let entityTag: String
    /// Of an answer with the bytes.
    private let headers: HTTPFields

    /// - Parameters:
    ///   - contentType: the value of `Content-Type`.
    ///   - cacheControl: that of `Cache-Control`.
    init(_ bytes: [UInt8], contentType: String, cacheControl: String) {
        self.bytes = bytes
        // FNV-1a: it distinguishes versions, and need not be secure.
        let digest = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        entityTag = "\"\(String(digest, radix: 16))\""
        headers = [
            .cacheControl: cacheControl, .eTag: entityTag, .accessControlAllowOrigin: "*", .contentType: contentType,
        ]
    }

    /// 200 with the bytes, or 304 if the client has them.
    func reply(to request: IncomingRequest) -> Reply {
        guard isHeld(by: request.head.headerFields[.ifNoneMatch]) else {
            return Reply(status: .ok, headers: headers, body: bytes)
        }
        let reply = Reply(status: .notModified, headers: headers)
        reply.headers[.contentType] = nil
        return reply
    }

    /// Whether a client that sent this `If-None-Match` has these bytes. It is `*` or a list of tags, which are compared
    /// weakly (RFC 9110 §13.1.2); anything else counts as absent.
    func isHeld(by condition: String?) -> Bool {
        guard let condition else { return false }
        let separators = Set(" \t,".utf8)
        var rest = condition.utf8.drop { separators.contains($0) }
        if rest.elementsEqual("*".utf8) { return true }
        while let first = rest.first {
            if first == UInt8(ascii: "W"), rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
            guard rest.first == UInt8(ascii: "\""), let end = rest.dropFirst().firstIndex(of: UInt8(ascii: "\"")) else {
                return false
            }
            if rest[...end].elementsEqual(entityTag.utf8) { return true }
            rest = rest[end...].dropFirst().drop { separators.contains($0) }
        }
        return false
    }
}
