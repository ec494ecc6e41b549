/// An issuer's key set endpoint.
package enum FakeIssuer {
    /// - Parameter port: 0 for a free one.
    package static func start(
        _ answer: FakeHTTPServer.Answer, certificate: TestCertificate? = nil, port: Int = 0
    ) async throws -> FakeHTTPServer {
        var settings = FakeHTTPServer.Settings(path: "/certs", port: port)
        settings.certificate = certificate
        settings.closesConnections = true
        return try await .start(answer, settings)
    }
}

/// An internal service that issues tokens. Connections stay open, as with a real one.
package enum FakeUpstream {
    /// - Parameters:
    ///   - asksForCertificate: whether clients must prove themselves by `certificate` too.
    ///   - port: 0 for a free one.
    package static func start(
        _ answer: FakeHTTPServer.Answer = .freshToken(), certificate: TestCertificate? = nil,
        asksForCertificate: Bool = false, offersHTTP2: Bool = false, port: Int = 0
    ) async throws -> FakeHTTPServer {
        var settings = FakeHTTPServer.Settings(path: "/tokens", port: port)
        settings.certificate = certificate
        settings.asksForCertificate = asksForCertificate
        settings.offersHTTP2 = offersHTTP2
        return try await .start(answer, settings)
    }
}

/// A callback of a service that is not ours.
package enum FakeCallback {
    package static func start(_ answer: FakeHTTPServer.Answer) async throws -> FakeHTTPServer {
        try await .start(answer, FakeHTTPServer.Settings(path: "/post_login_callback/vip-loyalty"))
    }
}

/// What a verifier or an app takes for Countersign.
package enum FakeCountersign {
    /// Each connection is for one request, as a client may ask again over a new one where an old one breaks.
    package static func start(_ answer: FakeHTTPServer.Answer) async throws -> FakeHTTPServer {
        try await .start(answer, FakeHTTPServer.Settings(path: "", closesConnections: true))
    }
}

extension FakeHTTPServer.Answer {
    package static func document(_ bytes: [UInt8]) -> Self {
        .whole(status: 200, headers: ["Cache-Control": "no-cache"], body: bytes)
    }

    package static func status(_ status: Int) -> Self {
        .whole(status: status, headers: [:], body: Array("secret".utf8))
    }

    /// 302 with a `Location`.
    package static func redirect(to target: String) -> Self {
        .whole(status: 302, headers: ["Location": target], body: [])
    }

    package static func body(
        _ text: String, status: Int = 200, contentType: String? = "application/json", headers: [String: String] = [:]
    ) -> Self {
        var headers = headers
        headers["Content-Type"] = contentType
        return .whole(status: status, headers: headers, body: Array(text.utf8))
    }

    /// 200 and a fresh token at `/token`, with the given further members.
    package static func freshToken(more: String = "") -> Self {
        .made {
            .body(#"{"token":"up_\#(UInt64.random(in: .min ... .max))"\#(more.isEmpty ? "" : ",")\#(more)}"#)
        }
    }
}
