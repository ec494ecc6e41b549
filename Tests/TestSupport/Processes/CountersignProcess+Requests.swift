import Foundation
import JOSE
import TokenExchange

/// What a test asks of the service.
extension CountersignProcess {
    package func connect() throws -> HTTPConnection { try HTTPConnection(port: publicPort) }

    package func callback(
        _ body: String, provider: String? = "vip-loyalty", headers: [String: String] = [:]
    ) throws -> HTTPAnswer {
        try connect().request(
            "POST", provider.map { "/post_login_callback/\($0)" } ?? "/post_login_callback",
            headers: ["Content-Type": "application/json"].merging(headers) { $1 }, body: Array(body.utf8))
    }

    package func exchange(
        _ token: [UInt8], device: String = "till-1", provider: String? = "vip-loyalty"
    ) throws -> HTTPAnswer {
        try callback(
            #"{"deviceId":"\#(device)","identity":"\#(String(decoding: token, as: UTF8.self))"}"#, provider: provider)
    }

    package func session(_ externalIdentity: String) throws -> HTTPAnswer {
        try connect().request("GET", "/session", headers: ["Authorization": "Bearer \(externalIdentity)"])
    }

    /// - Parameters:
    ///   - form: the whole body, encoded.
    ///   - port: nil for the public listener's.
    package func post(
        _ path: String, form: String, authorization: String? = nil, port: Int? = nil
    ) throws -> HTTPAnswer {
        var headers = ["Content-Type": "application/x-www-form-urlencoded"]
        headers["Authorization"] = authorization
        return try HTTPConnection(port: port ?? publicPort).request(
            "POST", path, headers: headers, body: Array(form.utf8))
    }

    package func introspect(_ externalIdentity: String, as verifier: TestVerifier) throws -> HTTPAnswer {
        try post("/introspect", form: "token=\(externalIdentity)", authorization: verifier.basic)
    }

    package func revoke(_ externalIdentity: String, as verifier: TestVerifier) throws -> HTTPAnswer {
        try post("/revoke", form: "token=\(externalIdentity)", authorization: verifier.basic)
    }

    package func readiness() throws -> HTTPAnswer {
        try HTTPConnection(port: operationsPort).request("GET", "/readyz")
    }
}

extension ModelToken {
    /// The model token of now, by the machine's clock, as the real program needs it.
    package static var current: ModelToken {
        ModelToken(issuedAt: UnixTime(seconds: Date().timeIntervalSince1970), keyID: TestKeys.rs256.keyID)
    }

    /// A good token nobody has sent yet.
    package static func fresh() throws -> [UInt8] {
        try current.claim("jti", .string(UUID().uuidString)).signed(by: TestKeys.rs256)
    }
}
