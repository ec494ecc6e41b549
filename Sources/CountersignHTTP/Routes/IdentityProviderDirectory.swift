package import TokenExchange

/// Finds the identity provider that a request means.
package struct IdentityProviderDirectory: Sendable {
    private let byName: [ExactText: IdentityProvider]
    private let byHost: [ExactText: IdentityProvider]
    /// Serves the callback without a name.
    let unnamed: IdentityProvider?
    let all: [IdentityProvider]

    /// - Parameter defaultName: of the provider for the callback without a name; where nil, the only provider is.
    package init(_ providers: [IdentityProvider], defaultName: ExactText?) {
        all = providers
        let byName = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
        self.byName = byName
        byHost = Dictionary(providers.flatMap { provider in provider.hosts.map { ($0, provider) } }) { first, _ in first
        }
        unnamed = defaultName.map { byName[$0] } ?? (providers.count == 1 ? providers.first : nil)
    }

    func named(_ name: ExactText) -> IdentityProvider? { byName[name] }

    func serving(host: ExactText?) -> IdentityProvider? { host.flatMap { byHost[$0] } }
}
