package import TokenExchange

/// A verifier with the reference to its secret.
package struct VerifierSettings: Sendable {
    package let verifier: Verifier
    /// Has at least 16 characters.
    package let secret: Secret
}

extension VerifierSettings {
    /// All verifiers; ids must be unique.
    /// - Parameter providers: the names of all identity providers.
    static func readAll(_ verifiers: NodeReader, providers: [String]) -> [VerifierSettings]? {
        let ids = SeenValues("verifier")
        return verifiers.list { verifier in
            verifier.mapping { section in
                let id = section.required("id") { reader in
                    reader.name().flatMap { ids.record($0, at: reader) }
                }
                let secret = section.required("secret") { $0.secret(atLeast: 16) }
                let visible = section.required("identity_providers") {
                    $0.distinctStrings(atLeast: 1) { $0.reference(to: "identity provider", among: providers) }
                }
                let mayRevoke = section.value("may_revoke", default: .none) { $0.revocation() }
                guard let id, let secret, let visible else { return nil }
                return VerifierSettings(
                    verifier: Verifier(
                        id: ExactText(id), identityProviders: Set(visible.map { ExactText($0) }), revocation: mayRevoke),
                    secret: secret)
            }
        }
    }
}

extension NodeReader {
    fileprivate func revocation() -> Verifier.Revocation? {
        if text == "all" { return .all }
        return boolean("true, false or all").map { $0 ? .own : .none }
    }
}
