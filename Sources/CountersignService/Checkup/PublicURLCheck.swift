import JOSE
import NIOSSL
import Outbound
import ServiceConfiguration
import TokenExchange

/// Asks the service by its public URL, as an associate's device would: certificate, key set, metadata, and the origins of
/// pages. Directly, since the proxy of `outbound` is for other servers.
struct PublicURLCheck: Sendable {
    private let url: String
    private let origins: [String]
    /// The JWK set of the key directory; nil if it cannot be read.
    private let ownKeys: [UInt8]?
    private let tls: Result<NIOSSLContext, any Error>
    private let time: TimeSource

    init(_ configuration: Configuration, ownKeys: [UInt8]?, tls: Result<NIOSSLContext, any Error>, time: TimeSource) {
        url = configuration.publicURL
        origins = Set(configuration.identityProviders.flatMap(\.webviewOrigins)).sorted().map { String($0) }
        self.ownKeys = ownKeys
        self.tls = tls
        self.time = time
    }

    func findings() async -> [CheckupFinding] {
        let context: NIOSSLContext
        do { context = try tls.get() } catch { return [.told("public_url", .fail, "\(StartUpError(error))")] }
        let client = OutboundClient(OutboundTransport(), tls: context, bodyBytes: JWKSetReader.byteLimit)
        defer { client.shutDown() }
        do throws(OutboundFault) {
            let begin = time.elapsed()
            let left = { Checkup.patience - (time.elapsed() - begin) }
            let served = try await document("/.well-known/jwks.json", client, within: left())
            let lasted = time.elapsed() - begin
            var findings = [
                .pass("public_url", "\(url) answers in \(lasted.inMilliseconds)"), keySet(served),
                try await metadata(client, within: left()),
            ]
            for origin in origins { findings.append(try await self.origin(origin, client, within: left())) }
            return findings
        } catch {
            return [
                .fail(
                    "public_url", "\(url): \(error.cause)",
                    remedy:
                        "See that the service runs, and that name, load balancer and certificate lead to it from here.")
            ]
        }
    }

    private func document(
        _ path: String, _ client: OutboundClient, within limit: Duration
    ) async throws(OutboundFault) -> [UInt8] {
        let request = OutboundRequest("GET", url + path, headers: [])
        let answer = try await client.answer(to: request, within: limit)
        guard answer.status == 200 else { throw OutboundFault(.refused, "status \(answer.status) for \(path)") }
        return answer.body
    }

    // MARK: What is answered

    private func keySet(_ served: [UInt8]) -> CheckupFinding {
        guard let ownKeys, let own = Self.keys(ownKeys) else {
            return .warn(
                "key_set", "not compared: our own keys cannot be read", remedy: "Mend signing.directory first.")
        }
        guard let served = Self.keys(served) else {
            return .fail("key_set", "what \(url) serves is no JWK set", remedy: Self.otherService)
        }
        if served == own { return .pass("key_set", "\(url) serves the \(own.count) keys of signing.directory") }
        if served.isDisjoint(with: own) {
            return .fail("key_set", "\(url) serves none of the keys in signing.directory", remedy: Self.otherService)
        }
        let detail =
            "\(url) lacks \(own.subtracting(served).count) of the keys in signing.directory, and has "
            + "\(served.subtracting(own).count) others"
        return .warn(
            "key_set", detail,
            remedy:
                "After a change wait for signing.rotation.refresh_lag; then see that every replica reads this directory."
        )
    }

    private static let otherService =
        "Another service answers there, or one with another key directory: its verifiers refuse our tokens."

    /// Nil for what is no JWK set.
    private static func keys(_ document: [UInt8]) -> Set<KeySetReading.Key>? {
        let reader = JWKSetReader(keyLimit: SigningKeyManifest.keyLimit)
        return (try? reader.read(document, allowing: Set(SignatureAlgorithm.allCases))).map { KeySetReading($0).keys }
    }

    private func metadata(_ client: OutboundClient, within limit: Duration) async throws(OutboundFault)
        -> CheckupFinding
    {
        let document = try await document("/.well-known/oauth-authorization-server", client, within: limit)
        let issuer = (try? JSONValue(parsing: document))?["issuer"]?.string
        if issuer == ExactText(url) { return .pass("metadata", "names \(url) as issuer") }
        return .fail(
            "metadata", "\(url) names another issuer, or none",
            remedy: "Another service answers there, or the running one has another public_url: reload or restart it.")
    }

    /// As a browser asks before a page may read `/session`.
    private func origin(
        _ origin: String, _ client: OutboundClient, within limit: Duration
    ) async throws(OutboundFault) -> CheckupFinding {
        let request = OutboundRequest(
            "OPTIONS", url + "/session",
            headers: [
                ("Origin", origin), ("Access-Control-Request-Method", "GET"),
                ("Access-Control-Request-Headers", "authorization"),
            ])
        let answer = try await client.answer(to: request, within: limit)
        if answer.header("Access-Control-Allow-Origin") == origin,
            answer.header("Access-Control-Allow-Headers")?.lowercased() == "authorization"
        {
            return .pass("origin", of: origin, "its pages may read /session")
        }
        return .fail(
            "origin", of: origin, "a browser would not let its pages read /session (status \(answer.status))",
            remedy:
                "Reload the service if the origin is new; a load balancer must pass on OPTIONS and Access-Control headers."
        )
    }
}
