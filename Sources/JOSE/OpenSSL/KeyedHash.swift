import TokenExchange

/// Short hashes that only who has the key can make: the first 64 bits of HMAC-SHA-256 (RFC 2104). The key is prepared
/// once, so that a hash costs about as much as hashing the message.
package struct KeyedHash: Sendable, Redacted {
    private let contexts: ContextPool<MACContextHandle>

    /// - Parameter key: not empty.
    package init(key: [UInt8]) {
        contexts = OpenSSLErrorQueue.required("prepare an HMAC") {
            try? ContextPool { () throws(OpenSSLFailure) in try MACContextHandle(key: key) }
        }
    }

    /// The same message always has the same hash.
    package func callAsFunction(_ message: [UInt8]) -> UInt64 {
        OpenSSLErrorQueue.required("compute an HMAC") {
            try? contexts.withContext { $0.start(ofCodeOver: message) }
        }
    }
}
