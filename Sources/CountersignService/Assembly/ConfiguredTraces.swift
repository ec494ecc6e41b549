import NIOSSL
import Outbound
import ServiceConfiguration
import TokenExchange

/// The collector of a configuration; nothing is sent here.
struct ConfiguredTraces: Sendable {
    let settings: TraceSettings
    let outbound: OutboundTransport
    let tls: NIOSSLContext
    /// What an operator should know of its certificates.
    let remarks: [String]

    /// - Throws: ``StartUpError`` if its files cannot be used.
    init(_ settings: TraceSettings, _ configuration: Configuration, now: UnixTime) throws {
        let place = { (key: String) in configuration.places["traces.\(key)"] }
        let (tls, remarks) = try TLSConfiguration.client(
            trusting: settings.certificateAuthorityFile, own: settings.clientCertificate, now: now, at: place)
        self.settings = settings
        self.remarks = remarks
        self.tls = try OutboundClient.context(of: tls, at: place("endpoint"))
        outbound = OutboundTransport(configuration.outbound, for: [settings.endpoint])
    }
}
