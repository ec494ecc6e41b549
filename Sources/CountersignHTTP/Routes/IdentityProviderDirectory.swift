package import TokenExchange

/// Finds the identity provider of a request, by the name in its path or by its host.
package struct IdentityProviderDirectory: Sendable {
    private let byName: [ExactText: IdentityProvider]
    private let byHost: [ExactText: IdentityProvider]
    /// Serves the callback without a name.
    let unnamed: IdentityProvider?
    let all: [IdentityProvider]

    /// - Parameter defaultName: the provider for a callback without a name; nil for the only one, if there is just one.
    package init(_ providers: [IdentityProvider], defaultName: ExactText?) {
        all = providers
        let byName = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
        self.byName = byName
        byHost = Dictionary(providers.flatMap { provider in provider.hosts.map { ($0, provider) } }) { first, _ in first
        }
        unnamed = defaultName.map { byName[$0] } ?? (providers.count == 1 ? providers.first : nil)
    }

    /// Nil if none has this name. Names are compared by their bytes.
    func named(_ name: ExactText) -> IdentityProvider? { byName[name] }

    /// The provider whose `hosts` list this one; nil if none does.
    /// - Parameter host: in lower case, without port.
    func serving(host: ExactText?) -> IdentityProvider? { host.flatMap { byHost[$0] } }
}
