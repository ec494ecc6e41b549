import FoundationEssentials
import JOSE
import ServiceConfiguration
import TokenExchange

/// The keys of one tenant, from the files that its configuration names.
struct IssuerKeyFiles {
    let verifiers: [any TokenVerifier]
    /// What was left out of a JWK set, which is no error: issuers publish keys that are none of our business.
    let remarks: [String]

    init(_ tenant: TenantSettings) throws(StartUpError) {
        switch tenant.keys {
        case .jwksURL:
            (verifiers, remarks) = ([], [])
        case .jwksFile(let path):
            let set: JWKSet
            do { set = try JWKSetReader().read(Self.contents(path), allowing: tenant.rules.algorithms) } catch {
                throw StartUpError(["\(path): \(error)"])
            }
            guard !set.verifiers.isEmpty else {
                throw StartUpError([
                    "\(path): expected a key that tenant \(tenant.name) allows, found none of use "
                        + "(\(set.skipped.count) skipped\(Self.reasons(set))); compare with `algorithms`"
                ])
            }
            verifiers = set.verifiers
            remarks = set.skipped.isEmpty ? [] : ["\(path): left out of the set\(Self.reasons(set))"]
        case .publicKeyFiles(let paths):
            var verifiers: [any TokenVerifier] = []
            for path in paths {
                do {
                    verifiers += try PublicKeyPEM.verifiers(Self.contents(path), allowing: tenant.rules.algorithms)
                } catch { throw StartUpError(["\(path): \(error)"]) }
            }
            self.verifiers = verifiers
            remarks = []
        }
    }

    private static func contents(_ path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(filePath: path)))
    }

    private static func reasons(_ set: JWKSet) -> String {
        set.skipped.isEmpty ? "" : ": " + set.skipped.map(\.rawValue).joined(separator: ", ")
    }
}
