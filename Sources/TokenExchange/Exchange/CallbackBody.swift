/// The body of the callback, in either of NewStore's spellings:
/// `{"deviceId": "xyz", "identity": "<JWT>"}` and `{"device_id": "", "identity": "Bearer <JWT>"}`.
package struct CallbackBody: Sendable {
    package let identityToken: IdentityToken
    /// Empty if the body names no device, or null.
    package let device: ExactText

    /// Reads the token with or without `Bearer ` before it. Other members are ignored.
    package init(_ text: [UInt8], limits: JSONLimits) throws(CallbackBodyError) {
        let object: JSONObject
        do { object = try JSONObject(text, limits: limits) } catch { throw .json(error) }
        guard let identity = object.string("identity")?.bytes else { throw .identityNotAString }
        let token = AuthorizationScheme.bearer.credentials(in: identity) ?? identity
        guard !token.isEmpty else { throw .identityEmpty }
        identityToken = IdentityToken(bytes: token)
        device = try Self.device(in: object)
    }

    private static func device(in object: JSONObject) throws(CallbackBodyError) -> ExactText {
        let device = try device("deviceId", in: object)
        guard let other = try Self.device("device_id", in: object) else { return device ?? "" }
        guard device == nil || device == other else { throw .devicesDiffer }
        return other
    }

    /// Nil if the member is absent or null.
    private static func device(
        _ name: ExactText, in object: JSONObject
    ) throws(CallbackBodyError) -> ExactText? {
        switch object[name] {
        case nil, .null: return nil
        case .string(let device): return device
        default: throw .deviceNotAString
        }
    }
}

/// Why a body cannot be used. Contains nothing of the body.
package enum CallbackBodyError: Error, Sendable, Equatable {
    case json(JSONError)
    case identityNotAString
    case identityEmpty
    case deviceNotAString
    /// Both spellings are present, with different values.
    case devicesDiffer

    /// For the log; stable.
    package var reason: String {
        switch self {
        case .json(let error): "\(error)"
        case .identityNotAString: "identity_not_a_string"
        case .identityEmpty: "identity_empty"
        case .deviceNotAString: "device_not_a_string"
        case .devicesDiffer: "devices_differ"
        }
    }
}
