import CountersignHTTP
import FoundationEssentials
package import NIOSSL
import Outbound
package import TokenExchange

/// The service that is probed, and what a client of it knows.
package struct ProbeTarget: Sendable {
    /// Without a slash at its end.
    let url: String
    private let provider: ExactText
    /// Of the verifier.
    private let authorization: String
    private let timeout: Duration
    private let tls: NIOSSLContext

    /// - Parameters:
    ///   - verifier: id and secret.
    ///   - timeout: of one request.
    package init(
        url: String, provider: ExactText, verifier: (id: ExactText, secret: String), timeout: Duration,
        tls: NIOSSLContext
    ) {
        self.url = url
        self.provider = provider
        authorization = "Basic " + Data("\(verifier.id):\(verifier.secret)".utf8).base64EncodedString()
        self.timeout = timeout
        self.tls = tls
    }

    /// A client for one probe, directly and over a connection of its own; to be shut down.
    func client() -> OutboundClient { OutboundClient(OutboundTransport(), tls: tls, bodyBytes: 65_536) }

    /// Exchanges a good token.
    /// - Returns: the external identity.
    func logIn(_ token: String, _ client: OutboundClient) async throws(ProbeFault) -> String {
        let answer = try await callback(token, client)
        if answer.degraded {
            throw ProbeFault(
                "answered \(answer.words), but without the session store or another part (Countersign-Degraded)")
        }
        guard answer.status == 200, let identity = answer.externalIdentity else {
            throw ProbeFault("expected 200 with an external identity, found \(answer.words)")
        }
        return identity
    }

    /// Offers a token that must be refused, and for this reason.
    func offer(_ token: String, for refusal: ErrorCode, _ client: OutboundClient) async throws(ProbeFault) {
        let answer = try await callback(token, client)
        if (200..<300).contains(answer.status), answer.externalIdentity != nil {
            throw ProbeFault("expected \(refusal.rawValue), found an external identity", as: .accepted)
        }
        guard (400..<500).contains(answer.status), answer.code == refusal else {
            throw ProbeFault("expected \(refusal.rawValue), found \(answer.words)")
        }
    }

    /// Asks as the verifier whether the external identity is good and the probe's own.
    func isActive(_ identity: String, _ client: OutboundClient) async throws(ProbeFault) -> Bool {
        let answer = try await form("/introspect", identity, client)
        guard answer.status == 200, case .bool(let isActive)? = answer.json?["active"] else {
            throw ProbeFault("expected 200 with `active`, found \(answer.words)")
        }
        if !isActive { return false }
        guard answer.json?["session"] == nil else {
            throw ProbeFault("the session is unconfirmed: the store cannot be asked")
        }
        guard answer.json?.string("sub") == ProbeTokens.subject, answer.json?.string("identity_provider") == provider
        else { throw ProbeFault("expected the probe's own session, found another one") }
        return true
    }

    func revoke(_ identity: String, _ client: OutboundClient) async throws(ProbeFault) {
        let answer = try await form("/revoke", identity, client)
        guard answer.status == 200 else { throw ProbeFault("expected 200, found \(answer.words)") }
    }

    // MARK: Requests

    private func callback(_ token: String, _ client: OutboundClient) async throws(ProbeFault) -> Answer {
        let body = JSONValue.object([
            .init("deviceId", .string(ProbeTokens.subject)), .init("identity", .string(token)),
        ])
        return try await answer(
            "/post_login_callback/\(provider)", [("Content-Type", "application/json")], body.text, client)
    }

    /// The external identity is known to need no escaping.
    private func form(_ path: String, _ identity: String, _ client: OutboundClient) async throws(ProbeFault) -> Answer {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", authorization),
        ]
        return try await answer(path, headers, Array("token=\(identity)".utf8), client)
    }

    private func answer(
        _ path: String, _ headers: [(name: String, value: String)], _ body: [UInt8], _ client: OutboundClient
    ) async throws(ProbeFault) -> Answer {
        let request = OutboundRequest(
            "POST", url + path, headers: headers + [("User-Agent", "countersign-probe/\(BuildInformation.version)")],
            body: body, isIdempotent: true)
        do throws(OutboundFault) { return Answer(try await client.answer(to: request, within: timeout)) } catch {
            throw ProbeFault("no answer: \(error.cause)")
        }
    }

    private struct Answer {
        let status: Int
        let degraded: Bool
        /// Nil for what is no object.
        let json: JSONObject?

        init(_ answer: OutboundAnswer) {
            status = answer.status
            degraded = answer.header("Countersign-Degraded") != nil
            json = try? JSONObject(answer.body, limits: JSONLimits())
        }

        /// Nil unless it is a token as ours are: safe in a form without escaping.
        var externalIdentity: String? {
            guard let text = json?.string("external_identity"), !text.bytes.isEmpty else { return nil }
            let isSafe = text.bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: Array("._~-".utf8).contains(byte)
                }
            }
            return isSafe ? String(text) : nil
        }

        /// Nil for a code that Countersign does not have.
        var code: ErrorCode? { json?.string("error_code").flatMap { ErrorCode(rawValue: String($0)) } }

        /// For an operator.
        var words: String { "\(status)" + (code.map { " \($0.rawValue)" } ?? "") }
    }
}
