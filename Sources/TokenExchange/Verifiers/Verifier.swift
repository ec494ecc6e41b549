/// A back end that may ask about external identities, and perhaps revoke them.
package struct Verifier: Sendable, Equatable {
    /// Which sessions it may end.
    package enum Revocation: Sendable, Equatable {
        case none
        /// Tokens of `identityProviders` only.
        case own
        case all
    }

    package let id: ExactText
    /// The providers whose tokens it may see.
    package let identityProviders: Set<ExactText>
    package let revocation: Revocation

    package init(id: ExactText, identityProviders: Set<ExactText>, revocation: Revocation) {
        self.id = id
        self.identityProviders = identityProviders
        self.revocation = revocation
    }

    /// Whether it may ask about tokens of this provider.
    func maySee(_ identityProvider: ExactText) -> Bool { identityProviders.contains(identityProvider) }

    /// Whether it may end sessions of this provider.
    func mayRevoke(_ identityProvider: ExactText) -> Bool {
        switch revocation {
        case .none: false
        case .own: maySee(identityProvider)
        case .all: true
        }
    }
}
