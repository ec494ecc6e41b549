import COpenSSL

/// A public key or key pair, parsed once.
@safe final class KeyHandle: @unchecked Sendable {
    // Once it is built, an EVP_PKEY is only read, and it guards its caches with its own locks. Only this object holds
    // the pointer (contexts hold their own references), and frees it once.
    let pointer: OpaquePointer  // <EVP_PKEY>

    /// - Parameter pointer: a reference that this object frees.
    init(owning pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit { unsafe EVP_PKEY_free(pointer) }
}

// MARK: - Generating

extension KeyHandle {
    /// A new key pair.
    /// - Parameter rsaBits: of no effect for other types.
    static func generate(_ type: KeyType, rsaBits: Int) throws(OpenSSLFailure) -> KeyHandle {
        try OpenSSLErrorQueue.checked {
            let pointer =
                switch type {
                case .rsa: unsafe countersign_generate_rsa(rsaBits)
                case .ec(let curve): unsafe countersign_generate_ec(curve.rawValue)
                case .ed25519: unsafe countersign_generate_ed25519()
                }
            return unsafe pointer.map { unsafe KeyHandle(owning: $0) }
        }
    }
}

// MARK: - PEM

extension KeyHandle {
    /// SubjectPublicKeyInfo, or RSA's older form (RFC 8017 A.1.1).
    convenience init(publicKeyPEM pem: borrowing SecretBytes) throws(OpenSSLFailure) {
        unsafe self.init(
            owning: try Self.read(pem) { unsafe PEM_read_bio_PUBKEY($0, nil, countersign_no_passphrase, nil) })
    }

    /// PKCS#8, or the older forms of RSA and EC. Without a passphrase an encrypted key fails; OpenSSL does not prompt.
    convenience init(
        privateKeyPEM pem: borrowing SecretBytes, passphrase: KeyPassphrase? = nil
    ) throws(OpenSSLFailure) {
        guard let passphrase else {
            unsafe self.init(
                owning: try Self.read(pem) { unsafe PEM_read_bio_PrivateKey($0, nil, countersign_no_passphrase, nil) })
            return
        }
        // Without a callback, OpenSSL takes the last argument as the passphrase, which ends with a NUL.
        unsafe self.init(
            owning: try Self.read(pem) { bio in
                unsafe passphrase.withTerminatedBytes { text in
                    unsafe PEM_read_bio_PrivateKey(bio, nil, nil, UnsafeMutableRawPointer(mutating: text.baseAddress))
                }
            })
    }

    private static func read(
        _ pem: borrowing SecretBytes, _ parse: (OpaquePointer) -> OpaquePointer?
    ) throws(OpenSSLFailure) -> OpaquePointer {
        let bytes = unsafe pem.text
        return unsafe try OpenSSLErrorQueue.checked {
            guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer { unsafe BIO_free(bio) }
            return unsafe parse(bio)
        }
    }

    /// PKCS#8 (RFC 5958); with a passphrase, encrypted by PBES2 with AES-256-CBC.
    func privateKeyPEM(passphrase: KeyPassphrase? = nil) throws(OpenSSLFailure) -> SecretBytes {
        guard let passphrase else {
            return unsafe try written { unsafe PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
        }
        return unsafe try passphrase.withTerminatedBytes { text throws(OpenSSLFailure) in
            unsafe try written { bio in
                unsafe PEM_write_bio_PKCS8PrivateKey(
                    bio, pointer, EVP_aes_256_cbc(), text.baseAddress, Int32(text.count - 1), nil, nil)
            }
        }
    }

    /// SubjectPublicKeyInfo (RFC 7468 §13).
    func publicKeyPEM() throws(OpenSSLFailure) -> [UInt8] {
        let pem = unsafe try written { unsafe PEM_write_bio_PUBKEY($0, pointer) }
        return unsafe Array(pem.bytes)
    }

    private func written(_ write: (OpaquePointer) -> Int32) throws(OpenSSLFailure) -> SecretBytes {
        // Freeing it cleanses its buffer.
        let bio = unsafe try OpenSSLErrorQueue.checked { unsafe BIO_new(BIO_s_mem()) }
        defer { unsafe BIO_free(bio) }
        let text = unsafe try OpenSSLErrorQueue.checked { () -> UnsafeRawBufferPointer? in
            var data: UnsafeMutablePointer<CChar>?
            guard unsafe write(bio) == 1, case let count = unsafe countersign_bio_data(bio, &data), count > 0
            else { return nil }
            return unsafe UnsafeRawBufferPointer(start: data, count: count)
        }
        return unsafe SecretBytes(copying: text)
    }
}
