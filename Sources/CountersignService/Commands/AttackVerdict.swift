import TokenExchange

/// What a service did with a token.
enum AttackVerdict: Sendable, Equatable {
    /// By a 4xx, or an answer without a token.
    case refused(status: Int)
    /// It answered with a token of its own.
    case accepted(status: Int, externalIdentity: [UInt8])
    /// Because too much was refused before, whatever the token.
    case limited
    /// It did neither: it failed, or is no callback. Says what it did.
    case failed(String)

    /// - Parameters:
    ///   - status: of the answer.
    ///   - degraded: its header `Countersign-Degraded`.
    init(status: Int, body: [UInt8], degraded: String?) {
        switch status {
        case 200..<300: self = Self.success(status, body, degraded)
        case 404, 405, 415: self = .failed("answered \(status), as if there were no callback")
        case 429: self = .limited
        case 400..<500: self = .refused(status: status)
        default: self = .failed("answered \(status)")
        }
    }

    private static func success(_ status: Int, _ body: [UInt8], _ degraded: String?) -> AttackVerdict {
        guard let object = try? JSONObject(body, limits: JSONLimits(), strictness: .grammar),
            let identity = object["external_identity"]
        else { return .failed("answered \(status) without a member external_identity") }
        if identity != .null { return .accepted(status: status, externalIdentity: identity.string?.bytes ?? []) }
        switch degraded {
        case nil: return .refused(status: status)
        case "rate_limited": return .limited
        default: return .failed("answered \(status) without having judged the token (Countersign-Degraded)")
        }
    }

    /// One word for the table, and the status if there is one.
    var words: String {
        switch self {
        case .refused(let status): "refused   \(status)"
        case .accepted(let status, _): "ACCEPTED  \(status)"
        case .limited: "FAILED    429"
        case .failed: "FAILED       "
        }
    }
}
