import COpenSSL

/// AES-256-GCM, one record at a time (NIST SP 800-38D). Reused: a new key and nonce allocate nothing.
@safe final class CipherContextHandle: @unchecked Sendable {
    // An EVP_CIPHER_CTX may be used by one thread at a time, and the pool that owns this object lends it to one at a
    // time. Only this object holds the pointer, and frees it once.
    private let pointer: OpaquePointer  // <EVP_CIPHER_CTX>
    /// For nonces.
    let random = RandomBytes()

    static let keyCount = 32
    static let nonceCount = 12
    static let tagCount = 16

    private enum Direction: Int32 {
        case decrypt = 0
        case encrypt = 1
    }

    init() throws(OpenSSLFailure) {
        unsafe pointer = try OpenSSLErrorQueue.checked { unsafe EVP_CIPHER_CTX_new() }
        try OpenSSLErrorQueue.checked {
            let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
            defer { unsafe EVP_CIPHER_free(cipher) }
            return unsafe EVP_CipherInit_ex2(pointer, cipher, nil, nil, Direction.encrypt.rawValue, nil) == 1 ? () : nil
        }
    }

    deinit { unsafe EVP_CIPHER_CTX_free(pointer) }

    /// Writes the ciphertext, as long as `plaintext`, and the tag. False if OpenSSL fails.
    func seal(
        _ plaintext: [UInt8], key: [UInt8], nonce: UnsafePointer<UInt8>, authenticating header: [UInt8],
        ciphertext: UnsafeMutablePointer<UInt8>, tag: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        defer { forgetKey() }
        return unsafe start(.encrypt, key: key, nonce: nonce, header: header)
            && update(plaintext, count: plaintext.count, into: ciphertext)
            && finish(into: ciphertext)
            && EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagCount), tag) == 1
    }

    /// Writes the plaintext, `count` bytes. False if the tag does not match: then what was written must not be read.
    func open(
        _ ciphertext: UnsafePointer<UInt8>, count: Int, key: [UInt8], nonce: UnsafePointer<UInt8>,
        authenticating header: [UInt8], tag: UnsafePointer<UInt8>, plaintext: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        defer { forgetKey() }
        return unsafe start(.decrypt, key: key, nonce: nonce, header: header)
            && EVP_CIPHER_CTX_ctrl(
                pointer, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagCount), UnsafeMutablePointer(mutating: tag)) == 1
            && update(ciphertext, count: count, into: plaintext)
            && finish(into: plaintext)
    }

    private func start(
        _ direction: Direction, key: [UInt8], nonce: UnsafePointer<UInt8>, header: [UInt8]
    ) -> Bool {
        guard key.count == Self.keyCount,
            unsafe EVP_CipherInit_ex2(pointer, nil, key, nonce, direction.rawValue, nil) == 1
        else { return false }
        return unsafe update(header, count: header.count, into: nil)
    }

    // OpenSSL must write its counts somewhere, but with GCM they are known beforehand.

    /// OpenSSL treats an update of no bytes as the end, so it is left out.
    /// - Parameter output: nil for what is authenticated only.
    private func update(
        _ input: UnsafePointer<UInt8>, count: Int, into output: UnsafeMutablePointer<UInt8>?
    ) -> Bool {
        guard count > 0 else { return true }
        var ignored: Int32 = 0
        return unsafe EVP_CipherUpdate(pointer, output, &ignored, input, Int32(count)) == 1
    }

    private func finish(into output: UnsafeMutablePointer<UInt8>) -> Bool {
        var ignored: Int32 = 0
        return unsafe EVP_CipherFinal_ex(pointer, output, &ignored) == 1
    }

    /// An idle context must not keep the last record's key.
    private func forgetKey() {
        unsafe EVP_CipherInit_ex2(pointer, nil, Self.noKey, nil, Direction.encrypt.rawValue, nil)
    }

    private static let noKey = [UInt8](repeating: 0, count: keyCount)
}
