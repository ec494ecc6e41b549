package import ServiceConfiguration
package import TokenExchange
import UpstreamTokens

/// What `countersign upstream try` prints: the calls of one provider's internal service, with secrets masked.
package struct UpstreamTrial: Sendable {
    private let provider: IdentityProvider
    private let upstream: UpstreamProvider
    private let recipe: UpstreamRecipe
    private let verify: VerifyIdentityToken

    /// - Throws: ``StartUpError`` if there is no such provider, or its tokens are of another kind.
    package init(_ configuration: Configuration, providerName: ExactText, now: UnixTime) throws {
        let provider = try configuration.identityProvider(providerName)
        let upstreams = try ConfiguredUpstreams(configuration, only: providerName, now: now)
        guard case .upstream(let recipe) = provider.token.kind, let upstream = upstreams.providers.first
        else {
            throw StartUpError([
                "identity provider \(providerName) has no internal service: its tokens are of another kind"
            ])
        }
        let tenants = try ConfiguredTenants(configuration)
        let remoteKeys = RemoteTenantKeys(time: .system, logger: .silent)
        self.provider = provider
        self.upstream = upstream
        self.recipe = recipe
        verify = VerifyIdentityToken(
            configuration, tenants: tenants.local + remoteKeys.replace(with: tenants.remote))
    }

    /// What happened, and the verdict.
    package struct Report: Sendable {
        package let text: String
        /// Whether a login would have got a token.
        package let hasToken: Bool
    }

    /// Checks the identity token as a login does, and then calls the service once, within the provider's deadline.
    package func report(on token: [UInt8], now: UnixTime) async -> Report {
        let identityToken = IdentityToken(bytes: token)
        let request: UpstreamRequest
        do throws(ExchangeStop) {
            let identity = try await verify(identityToken, for: provider, at: now, within: .seconds(10))
            request = try UpstreamRequest(
                recipe, provider: provider.name, claims: identity.claims, identityToken: identityToken,
                trace: RequestTrace(requestID: "countersign-upstream-try"))
        } catch {
            switch error {
            case .refused(let refusal, _):
                return Report(
                    text: "The identity token is refused: \(refusal.rawValue). `countersign token explain` says more.",
                    hasToken: false)
            case .failed(let failure):
                return Report(text: "\(failure.kind.rawValue): \(failure.cause)", hasToken: false)
            }
        }
        let service = UpstreamService(
            recipe, upstream.outbound, tls: upstream.context, time: .system, logger: .silent)
        let report = await report(on: request, by: service)
        service.shutDown()
        return report
    }

    private func report(on request: UpstreamRequest, by service: UpstreamService) async -> Report {
        do throws(UpstreamFailure) {
            let trial = try await service.trial(request, within: provider.deadline)
            let parts =
                text(of: trial.access, "Request for an access token")
                + (trial.call == nil ? ["Without an access token nothing more was sent."] : [])
                + text(of: trial.call, "Request") + [verdict(on: trial.token)]
            return Report(text: parts.joined(separator: "\n\n"), hasToken: trial.token != nil)
        } catch {
            return Report(text: "Nothing was sent: \(error.cause)", hasToken: false)
        }
    }

    private func text(of call: UpstreamService.Trial.Call?, _ title: String) -> [String] {
        call.map { ["\(title):\n\($0.request)", "Answer:\n\($0.answer)"] } ?? []
    }

    private func verdict(on token: UpstreamToken?) -> String {
        guard let token else {
            return provider.mode == .strict
                ? "The login would fail." : "The login would go on without an external identity."
        }
        let life = min(token.lifetime ?? provider.token.lifetime, provider.token.lifetime)
        return "The login would get a token of \(token.bytes.count) characters, good for \(Int64(life.inSeconds)) s."
    }
}
