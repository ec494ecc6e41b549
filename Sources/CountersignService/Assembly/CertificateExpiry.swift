import CountersignHTTP
import NIOSSL
import TokenExchange

/// When one of our certificate chains ends, by the first of its certificates that does.
struct CertificateExpiry: Sendable {
    /// What the chain is for.
    enum Use: String, Sendable, CaseIterable {
        /// The public listener.
        case listener
        /// The operations listener.
        case operations
        /// Our client certificate for Redis.
        case redis
        /// Our client certificate for an internal service.
        case upstream
    }

    let use: Use
    /// Whose internal service it is for; nil for other uses.
    let provider: ConfiguredName?
    let notAfter: UnixTime

    /// The key of the configuration that names the files, or whose internal service they are for.
    var name: String {
        switch use {
        case .listener: "listen.tls"
        case .operations: "listen.operations.tls"
        case .redis: "sessions.redis.tls"
        case .upstream: "upstream of \(provider?.text.description ?? "")"
        }
    }

    /// Nil if there is no certificate.
    init?(_ use: Use, of provider: ConfiguredName? = nil, _ chain: [NIOSSLCertificate]) {
        guard let end = chain.map(\.notValidAfter).min() else { return nil }
        self.use = use
        self.provider = provider
        notAfter = UnixTime(seconds: Double(end))
    }

    /// Nil for a client without a certificate of its own.
    init?(_ use: Use, of provider: ConfiguredName? = nil, _ tls: TLSConfiguration) {
        let chain = tls.certificateChain.compactMap { source in
            if case .certificate(let certificate) = source { certificate } else { nil }
        }
        self.init(use, of: provider, chain)
    }
}

extension PrometheusRegistry {
    /// The certificates of the current configuration, as they were when it was read.
    func readCertificates(of routes: ServiceRoutes) {
        read { readings in
            for expiry in routes.certificates {
                readings.add(
                    Self.notAfter, expiry.notAfter.seconds,
                    by: [
                        .use: LabelValue(expiry.use),
                        .identityProvider: expiry.provider.map { LabelValue($0) } ?? .absent,
                    ])
            }
        }
    }

    private static let notAfter = Metric.gauge(
        "countersign_certificate_not_after_timestamp_seconds",
        "When the first certificate of one of our chains expires.")
}
