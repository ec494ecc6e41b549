/// Something that the configuration names: there are as many as it has, whatever callers send.
package protocol Configured {
    var name: ExactText { get }
}

extension IdentityProvider: Configured {}
extension Tenant: Configured {}

/// A name from the configuration. It cannot be made of anything that a request says, so it may be the label of a metric.
package struct ConfiguredName: Hashable, Sendable {
    package let text: ExactText

    package init(_ configured: some Configured) { text = configured.name }
}
