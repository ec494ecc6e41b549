package import TokenExchange

extension RequestSource {
    /// One of many sources: of different numbers no two are the same.
    package init(network: UInt64) {
        self.init(IPAddress(bits: UInt128(network) << 64))
    }
}
