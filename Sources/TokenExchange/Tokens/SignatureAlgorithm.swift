/// The supported JWS algorithms: only asymmetric ones (RFC 8725 §3.1). There is no case for `none` or `HS…`.
package enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// RFC 9864 §2.2 has another name for EdDSA with Ed25519, the only curve supported here.
    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (ExactText($0.rawValue), $0) })
        .merging(["Ed25519": .edDSA]) { $1 }

    /// - Parameter name: as in headers, key sets and the configuration.
    package init?(name: ExactText) {
        guard let algorithm = Self.byName[name] else { return nil }
        self = algorithm
    }

    /// Those that Countersign signs with; the others it only verifies.
    package static let minting: [SignatureAlgorithm] = [.es256, .es384, .rs256, .ps256, .edDSA]
}
