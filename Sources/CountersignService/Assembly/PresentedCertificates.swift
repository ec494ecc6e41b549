import NIOSSL
import ServiceConfiguration
import TokenExchange
import UpstreamTokens

extension ServiceStatus.Certificate {
    /// Nil if nothing is presented.
    /// - Parameter name: the key of the configuration that names the files.
    private init?(_ name: String, _ chain: [NIOSSLCertificate]) {
        guard let end = chain.map(\.notValidAfter).min() else { return nil }
        self.init(name: name, expiry: UnixTime(seconds: Double(end)))
    }

    /// Every certificate that we present, with the chain that goes with it: to clients, to Redis, to internal services.
    /// - Parameter listener: that of the public listener; nil for plain HTTP.
    static func presented(
        by configuration: Configuration, listener: CertificateFiles?, _ upstreams: [UpstreamProvider], now: UnixTime
    ) -> [Self] {
        let redis = (try? configuration.sessions.ownCertificates(configuration.places, now: now)) ?? []
        let chains: [(String, [NIOSSLCertificate])] =
            [("listen.tls", listener?.chain ?? []), ("sessions.redis.tls", redis)]
            + upstreams.map { ("upstream of \($0.name)", $0.tls.ownCertificates) }
        return chains.compactMap { Self($0, $1) }
    }
}

extension SessionSettings {
    fileprivate func ownCertificates(
        _ places: ConfigurationPlaces, now: UnixTime
    ) throws(StartUpError) -> [NIOSSLCertificate] {
        guard case .redis(let redis) = store, let tls = redis.tls else { return [] }
        return try tls.configuration(now: now) { places["sessions.redis.tls.\($0)"] }.0.ownCertificates
    }
}

extension TLSConfiguration {
    fileprivate var ownCertificates: [NIOSSLCertificate] {
        certificateChain.compactMap { if case .certificate(let certificate) = $0 { certificate } else { nil } }
    }
}
