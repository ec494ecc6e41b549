package import NIOSSL

/// How servers are proven genuine, and we to them.
package struct RedisTLS: Sendable {
    /// Read again at every connect, so that rotated certificates need no restart; may block for as long as files take.
    package var configuration: @Sendable () throws -> TLSConfiguration
    /// The name that certificates must hold; nil for the host that is connected to.
    package var serverName: String?

    /// `configuration` throws words for an operator.
    package init(serverName: String? = nil, configuration: @escaping @Sendable () throws -> TLSConfiguration) {
        self.serverName = serverName
        self.configuration = configuration
    }
}
