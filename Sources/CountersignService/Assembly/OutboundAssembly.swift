import NIOSSL
import Outbound
import ServiceConfiguration

extension OutboundClient {
    /// One for all who trust the system's roots and have no certificate of their own: reading the roots takes a while, and a
    /// megabyte. They are read once.
    private static let systemContext = Result { try context(.makeClientConfiguration()) }

    /// - Parameter place: of what names the files of `tls`.
    static func context(
        of tls: TLSConfiguration, at place: ConfigurationPlace
    ) throws(ConfigurationProblem) -> NIOSSLContext {
        let isSystems = tls.trustRoots == .default && tls.certificateChain.isEmpty
        do { return try isSystems ? systemContext.get() : context(tls) } catch {
            throw place.problem(expected: "certificates that TLS can use", found: "others")
        }
    }
}

extension OutboundTransport {
    /// - Parameter urls: of the servers that are to be reached.
    init(_ settings: OutboundSettings, for urls: [String]) {
        var proxies: [OutboundOrigin: OutboundProxy] = [:]
        for origin in urls.compactMap(OutboundURL.init).map(\.origin) {
            proxies[origin] = settings.proxy(toHost: origin.host, port: origin.port).map(OutboundProxy.init)
        }
        self.init(proxies: proxies, idleTime: settings.idleTimeout, headBytes: settings.headBytes)
    }
}

extension OutboundProxy {
    fileprivate init(_ proxy: OutboundSettings.Proxy) {
        self.init(
            host: proxy.address.host, port: proxy.address.port,
            credentials: proxy.credentials.map { Credentials(username: $0.username, password: $0.password) })
    }
}
