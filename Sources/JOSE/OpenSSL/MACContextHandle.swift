import COpenSSL

/// HMAC-SHA-256 under one key, any number of times. Used by one thread at a time.
@safe final class MACContextHandle: @unchecked Sendable {
    // An EVP_MAC_CTX may be used by one thread at a time, and the pool that owns this object lends it to one at a time.
    // Only this object holds the pointer, and frees it once.
    private let pointer: OpaquePointer  // <EVP_MAC_CTX>

    /// - Parameter key: not empty. OpenSSL keeps a copy, and erases it at the end.
    init(key: [UInt8]) throws(OpenSSLFailure) {
        let algorithm = unsafe try OpenSSLErrorQueue.checked { unsafe EVP_MAC_fetch(nil, "HMAC", nil) }
        // The context keeps a reference of its own.
        defer { unsafe EVP_MAC_free(algorithm) }
        unsafe pointer = try OpenSSLErrorQueue.checked { unsafe EVP_MAC_CTX_new(algorithm) }
        try OpenSSLErrorQueue.checked { unsafe countersign_mac_begin(pointer, key, key.count) == 1 ? () : nil }
    }

    deinit { unsafe EVP_MAC_CTX_free(pointer) }

    /// The code's first 64 bits; nil if OpenSSL fails.
    func start(ofCodeOver message: [UInt8]) -> UInt64? {
        unsafe withUnsafeTemporaryAllocation(byteCount: DigestHandle.sha256.count, alignment: 8) { code in
            var count = 0
            // No key: that of the context again (EVP_MAC(3)).
            guard unsafe EVP_MAC_init(pointer, nil, 0, nil) == 1,
                unsafe EVP_MAC_update(pointer, message, message.count) == 1,
                unsafe EVP_MAC_final(
                    pointer, code.assumingMemoryBound(to: UInt8.self).baseAddress, &count, code.count) == 1
            else { return nil }
            return unsafe UInt64(bigEndian: code.load(as: UInt64.self))
        }
    }
}
