import COpenSSL
import TokenExchange

/// A key prepared for one operation with one algorithm, any number of times. Used by one thread at a time.
protocol SignatureContext: Sendable {
    /// Whether OpenSSL finds `signature` (ECDSA: DER) good over `message`.
    func isValid(_ signature: [UInt8], over message: UnsafeRawBufferPointer) -> Bool
    /// Writes the signature (ECDSA: DER) over `message`; `signature` has room for it.
    /// - Returns: how many bytes it has, or nil if OpenSSL fails.
    func sign(_ message: UnsafeRawBufferPointer, into signature: UnsafeMutableBufferPointer<UInt8>) -> Int?
}

/// What a context is prepared for.
enum SignatureOperation: Sendable {
    case verify, sign
}

extension SignatureAlgorithm {
    /// Contexts for `key`. Throws at once if the key cannot be used.
    func makePool(
        _ key: KeyHandle, for operation: SignatureOperation
    ) throws(OpenSSLFailure) -> ContextPool<any SignatureContext> {
        try ContextPool { () throws(OpenSSLFailure) in
            guard let digest = self.digest else { return try EdDSAContextHandle(key, for: operation) }
            return try SignatureContextHandle(key, self, digest, for: operation)
        }
    }

    /// What the message is hashed with before it is signed; nil for EdDSA, which reads the message itself (RFC 8032
    /// §5.1).
    private var digest: DigestHandle? {
        switch self {
        case .rs256, .ps256, .es256: .sha256
        case .rs384, .ps384, .es384: .sha384
        case .rs512, .ps512, .es512: .sha512
        case .edDSA: nil
        }
    }
}

/// RSA and ECDSA: the message is hashed separately, so that the key's own context never has to start again.
@safe final class SignatureContextHandle: SignatureContext, @unchecked Sendable {
    // An EVP_PKEY_CTX may be used by one thread at a time, and the pool that owns this object lends it to one at a
    // time. Only this object holds the pointer, and frees it once.
    private let pointer: OpaquePointer  // <EVP_PKEY_CTX>
    private let digestContext: DigestContextHandle

    init(
        _ key: KeyHandle, _ algorithm: SignatureAlgorithm, _ digest: DigestHandle, for operation: SignatureOperation
    ) throws(OpenSSLFailure) {
        digestContext = try DigestContextHandle(digest)
        unsafe pointer = try OpenSSLErrorQueue.checked { unsafe EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil) }
        try OpenSSLErrorQueue.checked { unsafe Self.prepare(pointer, algorithm, digest, for: operation) ? () : nil }
    }

    deinit { unsafe EVP_PKEY_CTX_free(pointer) }

    private static func prepare(
        _ pointer: OpaquePointer, _ algorithm: SignatureAlgorithm, _ digest: DigestHandle,
        for operation: SignatureOperation
    ) -> Bool {
        let started =
            switch operation {
            case .verify: unsafe EVP_PKEY_verify_init(pointer)
            case .sign: unsafe EVP_PKEY_sign_init(pointer)
            }
        guard started == 1, unsafe EVP_PKEY_CTX_set_signature_md(pointer, digest.pointer) == 1 else { return false }
        return switch algorithm {
        case .rs256, .rs384, .rs512: unsafe EVP_PKEY_CTX_set_rsa_padding(pointer, RSA_PKCS1_PADDING) == 1
        // RFC 7518 §3.5: MGF1 with the same digest, and a salt exactly as long as it.
        case .ps256, .ps384, .ps512:
            unsafe EVP_PKEY_CTX_set_rsa_padding(pointer, RSA_PKCS1_PSS_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_mgf1_md(pointer, digest.pointer) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(pointer, Int32(digest.count)) == 1
        case .es256, .es384, .es512, .edDSA: true
        }
    }

    func isValid(_ signature: [UInt8], over message: UnsafeRawBufferPointer) -> Bool {
        unsafe withDigest(of: message) { digest in
            unsafe EVP_PKEY_verify(pointer, signature, signature.count, digest, digestContext.digest.count) == 1
        } ?? false
    }

    func sign(_ message: UnsafeRawBufferPointer, into signature: UnsafeMutableBufferPointer<UInt8>) -> Int? {
        var count = signature.count
        let isSigned = unsafe withDigest(of: message) { digest in
            unsafe EVP_PKEY_sign(pointer, signature.baseAddress, &count, digest, digestContext.digest.count) == 1
        }
        return isSigned == true ? count : nil
    }

    private func withDigest<Result>(
        of message: UnsafeRawBufferPointer, _ body: (UnsafePointer<UInt8>?) -> Result
    ) -> Result? {
        unsafe withUnsafeTemporaryAllocation(byteCount: DigestHandle.longest, alignment: 1) { digest in
            guard digestContext.begin(), unsafe digestContext.update(message),
                unsafe digestContext.finish(into: digest)
            else { return nil }
            return unsafe body(UnsafePointer(digest.assumingMemoryBound(to: UInt8.self).baseAddress))
        }
    }
}
