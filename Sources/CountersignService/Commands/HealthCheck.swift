import CountersignHTTP
import NIOSSL
import Outbound
package import ServiceConfiguration
package import TokenExchange

/// Asks the operations listener of a service whether logins would succeed now, as `/readyz` says it.
///
/// The listener's certificate is not checked: it is made for the names that others use, nothing confidential is sent, and one that
/// has expired, or was renewed a moment ago, says nothing of readiness. So this needs no secret and reads no file.
package struct HealthCheck: Sendable {
    private let url: String
    private let place: ConfigurationPlace
    private let timeout: Duration
    private let tls: NIOSSLContext

    /// - Parameters:
    ///   - client: the certificate to show, and its key, for a listener that asks for one; nil for none.
    ///   - timeout: for the whole answer.
    /// - Throws: what an operator can mend.
    package init(
        _ configuration: Configuration, as client: TLSFiles?, within timeout: Duration, time: TimeSource = .system
    ) throws {
        let (address, access) = (configuration.listen.operations, configuration.listen.operationsAccess)
        place = configuration.places["listen.operations"]
        guard address.port != 0 else {
            throw StartUpError(
                place.problem(
                    expected: "a port that can be asked", found: "0, for any that is free",
                    remedy: "Choose a port, such as 8081."))
        }
        let certificates = configuration.places["listen.operations.client_certificates"]
        guard access.clientAuthorities == nil || client != nil else {
            throw StartUpError(
                certificates.problem(
                    expected: "a certificate to show to this listener", found: "none",
                    remedy: "Name one, and its key, with --client-certificate and --client-key."))
        }
        let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][address.host] ?? address.host
        url = "\(access.tls == nil ? "http" : "https")://\(HostPort(host: host, port: address.port))/readyz"
        self.timeout = timeout
        var settings = try TLSConfiguration.client(trusting: nil, own: client, now: time.now()) { _ in certificates }.0
        settings.certificateVerification = .none
        tls = try OutboundClient.context(settings)
    }

    /// - Returns: `ready`, or `degraded` with what is.
    /// - Throws: ``StartUpError`` with one line, if the service is not ready.
    package func report() async throws -> String {
        let client = OutboundClient(OutboundTransport(), tls: tls, bodyBytes: 1 << 20)
        defer { client.shutDown() }
        let answer: OutboundAnswer
        do throws(OutboundFault) {
            answer = try await client.answer(to: OutboundRequest("GET", url, headers: []), within: timeout)
        } catch {
            throw problem(found: "no answer (\(error.cause))", remedy: Self.remedy(for: error.kind))
        }
        guard let json = try? JSONObject(answer.body, limits: JSONLimits()),
            let status = json.string("status").flatMap({ Readiness.Status(rawValue: String($0)) })
        else {
            throw problem(
                found: "an answer with status \(answer.status) that is not Countersign's",
                remedy: "Another program listens there: end it, or choose another port.")
        }
        let words = Self.words(status, json["components"])
        switch status {
        case .ready, .degraded: return words
        case .draining: throw problem(found: words, remedy: "It leaves: send it no new requests.")
        case .unavailable:
            throw problem(found: words, remedy: "Put that right; docs/runbook.md and the page /status say how.")
        }
    }

    private func problem(found: String, remedy: String) -> StartUpError {
        StartUpError(place.problem(expected: "`ready` from \(url)", found: found, remedy: remedy))
    }

    private static func remedy(for fault: OutboundFault.Kind) -> String {
        switch fault {
        case .notSent: "Start the service with this file; if it runs, its log says where it listens."
        case .timedOut: "See whether the process hangs, or has too little CPU; --timeout waits longer."
        case .unanswered, .stale, .broken, .refused:
            "See that the service was started with this file, and that no other program listens there."
        }
    }

    /// With the components that are not as they should be, if the listener tells them.
    private static func words(_ status: Readiness.Status, _ components: JSONValue?) -> String {
        guard case .object(let members)? = components else { return status.rawValue }
        let details = members.compactMap { component in
            component.value["detail"]?.string.map { "\(component.name.visible): \($0.visible)" }
        }
        return status.rawValue + (details.isEmpty ? "" : " (\(details.joined(separator: "; ")))")
    }
}

extension ExactText {
    /// On one line, whoever wrote it.
    fileprivate var visible: String {
        String(self).unicodeScalars.map { " "..."~" ~= $0 ? String($0) : $0.escaped(asASCII: true) }.joined()
    }
}
