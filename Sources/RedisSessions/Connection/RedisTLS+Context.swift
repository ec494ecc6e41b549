import NIOCore
import NIOSSL

extension RedisTLS {
    /// A server that hangs must not keep its connection from being replaced.
    private static let goodbyeTimeout = TimeAmount.milliseconds(100)

    func context() throws(ConnectionFault) -> NIOSSLContext {
        var configuration: TLSConfiguration
        do { configuration = try self.configuration() } catch { throw .certificatesUnreadable(error) }
        configuration.shutdownTimeout = Self.goodbyeTimeout
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw ConnectionFault(detail: "TLS certificates or key cannot be used")
        }
    }
}
