import TokenExchange

/// The body of the callback, in both of NewStore's spellings:
/// `{"deviceId": "xyz", "identity": "<JWT>"}` and `{"device_id": "", "identity": "Bearer <JWT>"}`.
struct CallbackBody {
    let identityToken: IdentityToken
    /// Empty where none was named.
    let device: String

    init(_ text: [UInt8], limits: JSONLimits) throws(Problem) {
        let object: JSONObject
        do { object = try JSONObject(text, limits: limits) } catch {
            throw Problem(.invalidRequest, reason: "\(error)")
        }
        guard let identity = object.stringBytes("identity") else {
            throw Problem(.invalidRequest, reason: "identity_not_a_string")
        }
        let token = Self.withoutBearer(identity)
        guard !token.isEmpty else { throw Problem(.invalidRequest, reason: "identity_empty") }
        identityToken = IdentityToken(bytes: token)
        device = try Self.device(in: object)
    }

    private static func device(in object: JSONObject) throws(Problem) -> String {
        let spellings = ["deviceId", "device_id"].filter(object.contains)
        let devices = spellings.compactMap(object.string)
        guard devices.count == spellings.count else { throw Problem(.invalidRequest, reason: "device_not_a_string") }
        guard Set(devices).count <= 1 else { throw Problem(.invalidRequest, reason: "devices_differ") }
        return devices.first ?? ""
    }

    private static func withoutBearer(_ identity: [UInt8]) -> [UInt8] {
        BearerScheme.credentials(in: identity) ?? identity
    }
}

/// The authentication scheme of RFC 6750, in any case.
enum BearerScheme {
    private static let prefix = Array("bearer ".utf8)

    /// What follows `Bearer `; nil where the scheme is another or absent.
    static func credentials(in value: [UInt8]) -> [UInt8]? {
        guard value.count >= prefix.count, zip(value, prefix).allSatisfy({ $0 | 0x20 == $1 }) else { return nil }
        return Array(value[prefix.count...])
    }
}
