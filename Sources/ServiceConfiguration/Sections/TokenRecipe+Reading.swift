import TokenExchange

extension TokenRecipe {
    fileprivate enum KindName: String, CaseIterable {
        case jwt, opaque, upstream
    }

    /// - Parameter providerName: the audience if the file names none; nil if it could not be read.
    static func read(_ section: MappingReader, providerName: String?) -> TokenRecipe? {
        let kind = section.value("kind", default: KindName.jwt) { $0.choice() }
        let lifetime = section.value("lifetime", default: .seconds(3 * 3600)) {
            $0.duration(in: .seconds(1)...(.seconds(86400)), wholeSeconds: true)
        }
        let shape = JWTShape.read(section, beside: kind, providerName: providerName)
        let claims = section.value("claims", default: []) { $0.entries(ClaimMapping.read) }
        let upstream = section.optional("upstream") { reader in
            if kind != .upstream { reader.refuseBeside(kind) }
            return reader.mapping { UpstreamRecipe.read($0, maximumBytes: shape.maximumBytes) }
        }
        switch kind {
        case .jwt: return TokenRecipe(kind: .jwt(shape), lifetime: lifetime, claims: claims)
        case .opaque: return TokenRecipe(kind: .opaque, lifetime: lifetime, claims: claims)
        case .upstream:
            if section.reader("upstream") == nil {
                section.missing(
                    "upstream", remedy: "`kind: upstream` needs `upstream: { url: …, token_at: … }` beside it.")
            }
            return upstream.map { TokenRecipe(kind: .upstream($0), lifetime: lifetime, claims: claims) }
        }
    }
}

extension TokenRecipe.JWTShape {
    fileprivate static func read(
        _ section: MappingReader, beside kind: TokenRecipe.KindName, providerName: String?
    ) -> Self {
        let unused =
            switch kind {
            case .jwt: [String]()
            case .opaque: ["audience", "algorithm", "maximum_bytes"]
            case .upstream: ["audience", "algorithm"]
            }
        for key in unused { section.reader(key)?.refuseBeside(kind) }
        return Self(
            algorithm: section.value("algorithm", default: .es256) { $0.algorithm(among: SignatureAlgorithm.minting) },
            audience: ExactText(section.value("audience", default: providerName ?? "") { $0.string() }),
            maximumBytes: section.value("maximum_bytes", default: kind == .upstream ? 4096 : 1024) {
                $0.integer(in: 128...8192)
            })
    }
}

extension NodeReader {
    fileprivate func refuseBeside(_ kind: TokenRecipe.KindName) {
        let remedy =
            switch kind {
            case .jwt: "Remove the key, or use `kind: upstream`."
            case .opaque: "An opaque token is a random string; remove the key, or use `kind: jwt`."
            case .upstream: "The internal service decides it; remove the key."
            }
        report(expected: "no such key beside `kind: \(kind.rawValue)`", found: "it", remedy: remedy)
    }
}
