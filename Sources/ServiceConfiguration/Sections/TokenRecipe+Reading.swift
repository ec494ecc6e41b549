import TokenExchange

extension TokenRecipe {
    private enum KindName: String, CaseIterable {
        case jwt, opaque
    }

    /// - Parameter providerName: the audience where the file names none; nil where it cannot be read.
    static func read(_ section: MappingReader, providerName: String?) -> TokenRecipe? {
        let kind = section.value("kind", default: KindName.jwt) { $0.tokenKind() }
        let lifetime = section.value("lifetime", default: .seconds(3 * 3600)) {
            $0.duration(in: .seconds(1)...(.seconds(86400)), wholeSeconds: true)
        }
        let shape = JWTShape.read(section, isUsed: kind == .jwt, providerName: providerName)
        let claims = section.value("claims", default: []) { $0.entries(ClaimMapping.read) }
        return TokenRecipe(kind: kind == .jwt ? .jwt(shape) : .opaque, lifetime: lifetime, claims: claims)
    }
}

extension TokenRecipe.JWTShape {
    fileprivate static func read(_ section: MappingReader, isUsed: Bool, providerName: String?) -> Self {
        if !isUsed {
            for key in ["audience", "algorithm", "maximum_bytes"] { section.reader(key)?.refuseForOpaque() }
        }
        return Self(
            algorithm: section.value("algorithm", default: .es256) { $0.algorithm(among: SignatureAlgorithm.minting) },
            audience: section.value("audience", default: providerName ?? "") { $0.string() },
            maximumBytes: section.value("maximum_bytes", default: 1024) { $0.integer(in: 128...8192) })
    }
}

extension NodeReader {
    fileprivate func refuseForOpaque() {
        report(
            expected: "no such key beside `kind: opaque`", found: "it",
            remedy: "An opaque token is a random string; remove the key, or use `kind: jwt`.")
    }

    fileprivate func tokenKind<Kind: CaseIterable & RawRepresentable<String>>() -> Kind? {
        guard text == "upstream" else { return choice() }
        report(
            expected: "one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))",
            remedy: "`kind: upstream` is not supported by this version.")
        return nil
    }
}
