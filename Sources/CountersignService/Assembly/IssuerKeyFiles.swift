import JOSE
import ServiceConfiguration
import TokenExchange

/// The keys of one tenant, from the files that its configuration names.
struct IssuerKeyFiles {
    let verifiers: [any TokenVerifier]
    /// Which keys of a JWK set were left out. That is no error: issuers also publish keys that do not concern us.
    let remarks: [String]

    /// - Parameter place: where the configuration names the files, by the key beside `keys`.
    init(_ tenant: TenantSettings, at place: (String) -> ConfigurationPlace) throws {
        switch tenant.keys {
        case .jwksURL:
            (verifiers, remarks) = ([], [])
        case .jwksFile(let path):
            let place = place("jwks_file")
            let set = try Self.keySet(path, of: tenant, at: place)
            verifiers = set.verifiers
            remarks = set.skipped.isEmpty ? [] : ["\(place): \(path): left out of the set\(Self.reasons(set))"]
        case .publicKeyFiles(let paths):
            verifiers = try paths.enumerated().flatMap { index, path in
                let place = place("public_key_files[\(index)]")
                let pem = try Self.contents(path, at: place)
                do { return try PublicKeyPEM.verifiers(pem, allowing: tenant.rules.algorithms) } catch {
                    throw StartUpError(["\(place): \(path): \(error)"])
                }
            }
            remarks = []
        }
    }

    private static func keySet(
        _ path: String, of tenant: TenantSettings, at place: ConfigurationPlace
    ) throws -> JWKSet {
        let document = try contents(path, at: place)
        let set: JWKSet
        do { set = try JWKSetReader().read(document, allowing: tenant.rules.algorithms) } catch {
            throw StartUpError(["\(place): \(path): \(error)"])
        }
        guard !set.verifiers.isEmpty else {
            throw StartUpError([
                "\(place): \(path): expected a key that tenant \(tenant.name) allows, found none of use "
                    + "(\(set.skipped.count) skipped\(reasons(set))); compare with `algorithms`"
            ])
        }
        return set
    }

    private static func contents(_ path: String, at place: ConfigurationPlace) throws -> [UInt8] {
        do { return try ReferencedFile(path).contents(limit: JWKSetReader.byteLimit) } catch {
            throw place.problem(error)
        }
    }

    private static func reasons(_ set: JWKSet) -> String {
        set.skipped.isEmpty ? "" : ": " + set.skipped.map(\.description).joined(separator: ", ")
    }
}

extension OpenSSLTokenSigner {
    /// For a private key of an issuer that is at hand: with the first of the tenant's algorithms that the key fits.
    /// - Throws: ``StartUpError`` if it fits none, or cannot be read.
    static func first(of algorithms: Set<SignatureAlgorithm>, privateKeyFile: String) throws -> OpenSSLTokenSigner {
        var problem = ""
        for algorithm in SignatureAlgorithm.allCases where algorithms.contains(algorithm) {
            do { return try OpenSSLTokenSigner(privateKeyFile: privateKeyFile, algorithm: algorithm) } catch {
                problem = "\(error)"
            }
        }
        throw StartUpError([problem])
    }
}
