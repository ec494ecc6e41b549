import TokenExchange

/// Reads one key from a PEM text (RFC 7468) and says what is wrong with it.
enum PEMKey {
    /// SubjectPublicKeyInfo, or RSA's older form.
    static func publicKey(_ pem: [UInt8]) throws(KeyPEMError) -> (KeyHandle, PublicKeyParameters) {
        let pem = SecretBytes(copying: pem)
        let label = try unsafe label(of: pem.text)
        switch label {
        case "PUBLIC KEY", "RSA PUBLIC KEY": break
        case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE": throw .certificate
        case let other where other.hasSuffix("PRIVATE KEY"): throw .privateKeyWherePublicExpected
        default: throw .otherBlock(label: label, expected: "PUBLIC KEY")
        }
        return try checked { () throws(OpenSSLFailure) in try KeyHandle(publicKeyPEM: pem) }
    }

    /// PKCS#8, or the older forms of RSA and EC; any of them may be encrypted.
    static func privateKey(
        _ pem: borrowing SecretBytes, passphrase source: KeyPassphrase.Source
    ) throws(KeyPEMError) -> (KeyHandle, PublicKeyParameters) {
        let label = try unsafe label(of: pem.text)
        switch label {
        case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY": break
        case "ENCRYPTED PRIVATE KEY": break
        case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE": throw .publicKeyWherePrivateExpected
        default: throw .otherBlock(label: label, expected: "PRIVATE KEY")
        }
        // RFC 1421 §4.6.1.1: the older forms say in this way that they are encrypted.
        let isEncrypted =
            unsafe label == "ENCRYPTED PRIVATE KEY" || contains("Proc-Type: 4,ENCRYPTED", in: pem.text)
        guard isEncrypted else {
            return try checked { () throws(OpenSSLFailure) in try KeyHandle(privateKeyPEM: pem) }
        }
        let passphrase: KeyPassphrase?
        do { passphrase = try source() } catch { throw .noPassphrase(cause: "\(error)") }
        guard let passphrase else { throw .encrypted }
        do {
            return try checked { () throws(OpenSSLFailure) in
                try KeyHandle(privateKeyPEM: pem, passphrase: passphrase)
            }
        } catch {
            if case .unreadable = error { throw .wrongPassphrase }
            throw error
        }
    }

    private static func checked(
        _ parse: () throws(OpenSSLFailure) -> KeyHandle
    ) throws(KeyPEMError) -> (KeyHandle, PublicKeyParameters) {
        let key: KeyHandle
        do { key = try parse() } catch { throw .unreadable(cause: error.cause) }
        guard let parameters = key.parameters else { throw .unsupportedKeyType(found: key.typeName) }
        if let weakness = parameters.weakness { throw .weak(weakness) }
        return (key, parameters)
    }

    /// The label of the only block. `EC PARAMETERS`, which `openssl ecparam -genkey` puts before a key, does not count.
    private static func label(of pem: UnsafeRawBufferPointer) throws(KeyPEMError) -> String {
        let begin = Array("-----BEGIN ".utf8)
        var labels = unsafe pem.split { $0 == 0x0A || $0 == 0x0D }.compactMap { line -> String? in
            guard unsafe line.starts(with: begin) else { return nil }
            let label = unsafe String(decoding: line.dropFirst(begin.count).prefix(40), as: UTF8.self)
            return String(label.prefix { $0 != "-" })
        }
        labels.removeAll { $0 == "EC PARAMETERS" }
        guard let label = labels.first else {
            throw unsafe pem.isEmpty ? .empty : TextEncoding(of: pem).map { .otherEncoding($0) } ?? .notPEM
        }
        guard labels.count == 1 else { throw .severalBlocks }
        return label
    }

    private static func contains(_ text: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        text.withUTF8Buffer { text in
            bytes.indices.contains { unsafe bytes[$0...].starts(with: text) }
        }
    }
}
