import NIOCore
package import NIOSSL

extension NIOSSLContext {
    /// A server that does not end TLS must not keep its connection open for longer than this.
    private static let goodbyeTimeout = TimeAmount.milliseconds(100)

    /// For connections to other servers. Reads the system's roots unless `configuration` has others.
    ///
    /// - Parameter protocols: application protocols to offer, the preferred one first.
    package static func client(
        _ configuration: TLSConfiguration, offering protocols: [String] = []
    ) throws -> NIOSSLContext {
        var configuration = configuration
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        configuration.shutdownTimeout = goodbyeTimeout
        return try NIOSSLContext(configuration: configuration)
    }

    /// - Parameter host: the name, or the address, that certificates must hold.
    package func handler(verifying host: String) throws -> NIOSSLClientHandler {
        do {
            return try NIOSSLClientHandler(context: self, serverHostname: host)
        } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
            // The handler then compares certificates with the address that the socket is connected to.
            return try NIOSSLClientHandler(context: self, serverHostname: nil)
        }
    }
}
