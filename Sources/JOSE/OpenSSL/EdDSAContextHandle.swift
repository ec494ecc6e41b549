import COpenSSL

/// Ed25519: one call over the whole message. OpenSSL needs a new start each time, which allocates little.
@safe final class EdDSAContextHandle: SignatureContext, @unchecked Sendable {
    // An EVP_MD_CTX may be used by one thread at a time, and the pool that owns this object lends it to one at a time.
    // Only this object holds the pointer, and frees it once.
    private let pointer: OpaquePointer  // <EVP_MD_CTX>
    private let key: KeyHandle

    init(_ key: KeyHandle, for operation: SignatureOperation) throws(OpenSSLFailure) {
        self.key = key
        unsafe pointer = try OpenSSLErrorQueue.checked { unsafe EVP_MD_CTX_new() }
        try OpenSSLErrorQueue.checked { start(operation) ? () : nil }
    }

    deinit { unsafe EVP_MD_CTX_free(pointer) }

    func isValid(_ signature: [UInt8], over message: UnsafeRawBufferPointer) -> Bool {
        start(.verify)
            && (unsafe EVP_DigestVerify(
                pointer, signature, signature.count, message.assumingMemoryBound(to: UInt8.self).baseAddress,
                message.count)) == 1
    }

    func sign(_ message: UnsafeRawBufferPointer, into signature: UnsafeMutableBufferPointer<UInt8>) -> Int? {
        guard start(.sign) else { return nil }
        var count = signature.count
        let isSigned = unsafe EVP_DigestSign(
            pointer, signature.baseAddress, &count, message.assumingMemoryBound(to: UInt8.self).baseAddress,
            message.count)
        return isSigned == 1 ? count : nil
    }

    private func start(_ operation: SignatureOperation) -> Bool {
        unsafe EVP_MD_CTX_reset(pointer)
        return switch operation {
        case .verify: unsafe EVP_DigestVerifyInit_ex(pointer, nil, nil, nil, nil, key.pointer, nil) == 1
        case .sign: unsafe EVP_DigestSignInit_ex(pointer, nil, nil, nil, nil, key.pointer, nil) == 1
        }
    }
}
