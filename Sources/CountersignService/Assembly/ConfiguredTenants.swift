import JOSE
import ServiceConfiguration
import TokenExchange

/// All tenants of a configuration. Keys in files are read here; fetching the others has not begun.
struct ConfiguredTenants {
    /// The tenants with keys in files.
    private(set) var local: [Tenant] = []
    /// The tenants whose keys are fetched.
    private(set) var remote: [RemoteTenant] = []
    /// Which keys of their key sets were left out, and why.
    private(set) var remarks: [String] = []

    /// - Throws: ``StartUpError`` with every problem that was found.
    init(_ configuration: Configuration) throws {
        var findings = Findings()
        for (index, settings) in configuration.tenants.enumerated() {
            let place = { (key: String) in configuration.places["tenants[\(index)].keys.\(key)"] }
            findings.collect { try add(settings, configuration.outbound, at: place) }
        }
        guard findings.problems.isEmpty else { throw StartUpError(findings.problems) }
    }

    private mutating func add(
        _ settings: TenantSettings, _ outbound: OutboundSettings, at place: (String) -> ConfigurationPlace
    ) throws {
        if case .jwksURL(let keys) = settings.keys {
            remote.append(try RemoteTenant(settings, keys: keys, outbound, at: place))
            return
        }
        let keys = try IssuerKeyFiles(settings, at: place)
        local.append(
            Tenant(
                name: settings.name, issuer: settings.issuer, keys: IssuerKeySet(keys.verifiers), rules: settings.rules)
        )
        remarks += keys.remarks
    }
}
