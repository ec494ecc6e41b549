import Outbound
import TokenExchange
import UpstreamTokens

/// Whether the addresses of one provider's internal service answer, by its proxy and certificates. Nothing is asked of the
/// service: `OPTIONS` is safe (RFC 9110 §9.2.1), and no secret and no identity is sent.
struct UpstreamCheck: Sendable {
    let provider: UpstreamProvider
    let time: TimeSource

    func findings() async -> [CheckupFinding] {
        let client = OutboundClient(provider.outbound, tls: provider.context, bodyBytes: 65_536)
        defer { client.shutDown() }
        var findings: [CheckupFinding] = []
        let urls = [provider.recipe.access?.endpoint.url, provider.recipe.endpoint.url].compactMap(\.self)
        for url in urls { findings.append(await finding(String(url), client)) }
        return findings
    }

    private func finding(_ url: String, _ client: OutboundClient) async -> CheckupFinding {
        let name = "\(provider.name)"
        let begin = time.elapsed()
        do throws(OutboundFault) {
            let request = OutboundRequest("OPTIONS", url, headers: [])
            let answer = try await client.answer(to: request, within: Checkup.patience)
            let detail =
                "\(url) answers in \((time.elapsed() - begin).inMilliseconds) (status \(answer.status) to OPTIONS)"
            guard answer.status >= 500 else { return .pass("internal_service", of: name, detail) }
            return .warn(
                "internal_service", of: name, detail,
                remedy: "Try a real call with `countersign upstream try --identity-provider \(name)`.")
        } catch {
            return .fail(
                "internal_service", of: name, "\(url): \(error.cause)",
                remedy: "Logins of \(name) get no token. See that the service runs, and that this machine may reach it."
            )
        }
    }
}
