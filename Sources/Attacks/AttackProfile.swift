package import TokenExchange

/// How the service under attack is set up. The default profile is `rs256`.
package struct AttackProfile: Sendable {
    package let name: String
    package let algorithms: [SignatureAlgorithm]
    /// What the issuer's published keys are bound to; the first signs the model token.
    package let keys: [SignatureAlgorithm]
    package let audiences: [String]
    package let authorizedParties: [String]
    /// Must be in `realm_access.roles`.
    package let role: String?
    /// The external identity needs this claim.
    package let claim: String?

    static func all(in value: JSONValue) throws -> [String: AttackProfile] {
        guard case .object(let members) = value else { throw AttackProblem(description: "profiles: no object") }
        let profiles = try members.map { try AttackProfile(String($0.name), $0.value) }
        return Dictionary(uniqueKeysWithValues: profiles.map { ($0.name, $0) })
    }

    private init(_ name: String, _ value: JSONValue) throws {
        let names: [ExactText] = [
            "description", "algorithms", "keys", "audiences", "authorized_parties", "role", "claim",
        ]
        let object = try StrictObject(value, names, at: "profile \(name)")
        self.name = name
        algorithms = try object.strings("algorithms").compactMap(SignatureAlgorithm.init)
        keys = try object.strings("keys").compactMap(SignatureAlgorithm.init)
        audiences = try object.strings("audiences")
        authorizedParties = try object.strings("authorized_parties")
        role = object["role"]?.string?.description
        claim = object["claim"]?.string?.description
        guard !keys.isEmpty else { throw AttackProblem(description: "profile \(name): no keys") }
    }
}
