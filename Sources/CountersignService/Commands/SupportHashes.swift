import JOSE
package import ServiceConfiguration
package import TokenExchange

/// The hashes that the log has for a known associate and device, for `countersign support hash`.
package struct SupportHashes {
    private let hashes: CorrelationHashes
    private let tenants: [ExactText]

    /// Reads only `log.correlation_key`.
    /// - Throws: ``StartUpError`` if there is none.
    package init(_ configuration: Configuration) throws {
        guard let key = configuration.log.correlationKey else {
            throw StartUpError(["log.correlation_key is not set, so lines have no hashes"])
        }
        hashes = CorrelationHashes(key: Array(try key.read().utf8))
        tenants = configuration.tenants.map(\.name)
    }

    /// A line for each tenant: the field as the log has it, and the tenant.
    /// - Parameter name: the only tenant; nil for all.
    package func subject(_ subject: ExactText, tenant name: ExactText?) throws -> String {
        try check(subject, "the `sub` of an associate")
        if let name, !tenants.contains(name) {
            throw StartUpError([
                "there is no tenant \(name); known are \(tenants.map(\.description).joined(separator: ", "))"
            ])
        }
        return tenants.filter { $0 == name ?? $0 }.map { tenant in
            "subject_hash \(Self.text(hashes.hash(ofSubject: subject, tenant: tenant))) \(tenant)"
        }.joined(separator: "\n")
    }

    /// The field as the log has it.
    package func device(_ device: ExactText) throws -> String {
        try check(device, "a device, as the app names it")
        return "device_hash \(Self.text(hashes.hash(ofDevice: device)))"
    }

    private func check(_ value: ExactText, _ what: String) throws {
        guard value.isEmpty else { return }
        throw StartUpError(["expected \(what) on standard input, found nothing"])
    }

    private static func text(_ hash: UInt64?) -> String {
        hash?.paddedHexadecimal ?? ""
    }
}
