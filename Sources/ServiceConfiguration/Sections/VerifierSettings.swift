/// A back end that may ask about external identities, and perhaps revoke them.
package struct VerifierSettings: Sendable {
    package enum Revocation: Sendable, Equatable {
        case none
        /// Tokens of `identityProviders` only.
        case own
        case all
    }

    package let id: String
    /// Of at least 16 characters.
    package let secret: Secret
    /// The providers whose tokens it may see; at least one.
    package let identityProviders: Set<String>
    package let mayRevoke: Revocation
}

extension VerifierSettings {
    static func readAll(_ verifiers: NodeReader, providers: [String]) -> [VerifierSettings]? {
        let ids = SeenValues("verifier")
        return verifiers.list { verifier in
            verifier.mapping { section in
                let id = section.required("id") { reader in
                    reader.name().flatMap { ids.note($0, at: reader) }
                }
                let secret = section.required("secret") { $0.readableSecret(atLeast: 16) }
                let visible = section.required("identity_providers") {
                    $0.distinctStrings(atLeast: 1) { $0.reference(to: "identity provider", among: providers) }
                }
                let mayRevoke = section.value("may_revoke", default: .none) { $0.revocation() }
                guard let id, let secret, let visible else { return nil }
                return VerifierSettings(
                    id: id, secret: secret, identityProviders: Set(visible), mayRevoke: mayRevoke)
            }
        }
    }
}

extension NodeReader {
    fileprivate func revocation() -> VerifierSettings.Revocation? {
        if text == "all" { return .all }
        return boolean("true, false or all").map { $0 ? .own : .none }
    }
}
