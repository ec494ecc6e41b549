import NIOSSL
import Outbound
import TestSupport

/// A client, and what it makes of a server.
struct Client {
    let client: OutboundClient

    /// - Parameters:
    ///   - certificate: of servers that it trusts; nil for the system's roots.
    ///   - proxies: a proxy's port, by the URLs of servers behind it.
    init(
        headBytes: Int = 49_152, bodyBytes: Int = 65_536, idleTime: Duration = .seconds(20),
        trusting certificate: TestCertificate? = nil, proxy: OutboundProxy? = nil, to urls: [String] = [],
        names: HostNames = .system
    ) throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let certificate { tls.trustRoots = .certificates(try certificate.certificates) }
        var transport = OutboundTransport(idleTime: idleTime, headBytes: headBytes)
        for url in urls { transport.proxies[OutboundURL(url)!.origin] = proxy }
        client = OutboundClient(transport, tls: try OutboundClient.context(tls), bodyBytes: bodyBytes, names: names)
    }

    func answer(
        _ url: String, method: String = "GET", body: String? = nil, isIdempotent: Bool = false,
        within limit: Duration = .seconds(10)
    ) async throws(OutboundFault) -> OutboundAnswer {
        try await client.answer(
            to: OutboundRequest(
                method, url, headers: [("Accept", "application/json")], body: body.map { Array($0.utf8) },
                isIdempotent: isIdempotent), within: limit)
    }

    func text(_ url: String, method: String = "GET", body: String? = nil, isIdempotent: Bool = false) async throws
        -> String
    {
        let answer = try await answer(url, method: method, body: body, isIdempotent: isIdempotent)
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// Nil if there is an answer.
    func fault(
        _ url: String, method: String = "GET", body: String? = nil, within limit: Duration = .seconds(10)
    ) async -> OutboundFault? {
        do throws(OutboundFault) {
            _ = try await answer(url, method: method, body: body, within: limit)
            return nil
        } catch { return error }
    }
}
