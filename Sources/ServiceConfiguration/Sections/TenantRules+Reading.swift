import TokenExchange

extension TenantRules {
    /// Reads the rules from the tenant's mapping; they have no mapping of their own.
    static func read(_ section: MappingReader) -> TenantRules {
        let maximumAge = section.value("maximum_age", default: .seconds(3600)) {
            $0.duration(in: .zero...(.seconds(3650 * 86400)))
        }
        return TenantRules(
            algorithms: section.value("algorithms", default: [.rs256]) { $0.algorithms() },
            tokenKinds: section.strings("token_kinds", atLeast: 1, default: ["Bearer"]),
            audiences: section.strings("audiences"),
            authorizedParties: section.strings("authorized_parties"),
            allowsServiceAccounts: section.value("allow_service_accounts", default: false) { $0.boolean() },
            clockSkew: section.value("clock_skew", default: .seconds(30)) { $0.duration(in: .zero...(.seconds(600))) },
            maximumAge: maximumAge == .zero ? nil : maximumAge,
            deniedKeyIDs: section.strings("denied_key_ids"))
    }
}

extension MappingReader {
    fileprivate func strings(_ key: String, atLeast minimum: Int = 0, default names: Set<ExactText> = []) -> Set<
        ExactText
    > {
        value(key, default: names) { $0.distinctStrings(atLeast: minimum).map { Set($0.map { ExactText($0) }) } }
    }
}

extension NodeReader {
    fileprivate func algorithms() -> Set<SignatureAlgorithm>? {
        let names = distinctStrings(atLeast: 1) { name in
            // EdDSA has two names (RFC 9864).
            if name.text == "Ed25519" { return name.text }
            return name.algorithm(among: SignatureAlgorithm.allCases)?.rawValue
        }
        return names.map { Set($0.compactMap { SignatureAlgorithm(name: ExactText($0)) }) }
    }

    /// An algorithm by its JOSE name. The message about `none` and shared secrets says why they are refused.
    func algorithm(among choices: [SignatureAlgorithm]) -> SignatureAlgorithm? {
        let name = text?.lowercased() ?? ""
        guard name == "none" || name.hasPrefix("hs") else { return choice(of: choices) }
        report(
            expected: "one of \(choices.map(\.rawValue).joined(separator: ", "))",
            remedy: name == "none"
                ? "A token without a signature can be written by anybody."
                : "With a shared secret, whoever can check a token can also forge one.")
        return nil
    }
}
