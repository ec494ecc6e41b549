package import TokenExchange

/// Why a PEM text is not a usable key. Says what to do; contains nothing of the key.
package enum KeyPEMError: Error, Equatable {
    case empty
    case otherEncoding(TextEncoding)
    /// No `-----BEGIN …-----` line.
    case notPEM
    case severalBlocks
    /// A PEM block of another kind; `label` is from its first line, shortened.
    case otherBlock(label: String, expected: String)
    case privateKeyWherePublicExpected
    case publicKeyWherePrivateExpected
    case certificate
    /// The key is encrypted, and there is no passphrase.
    case encrypted
    case wrongPassphrase
    /// The key is encrypted, and the passphrase cannot be read; `cause` says why, in words for the operator.
    case noPassphrase(cause: String)
    /// `cause` is OpenSSL's.
    case unreadable(cause: String)
    /// A key type or curve that no algorithm here uses; `found` is OpenSSL's name.
    case unsupportedKeyType(found: String)
    case weak(KeyWeakness)
    case wrongKeyType(expected: KeyType, found: KeyType)
    /// A public key that none of the tenant's algorithms can use.
    case noAllowedAlgorithm(found: KeyType, allowed: [SignatureAlgorithm])
    case halvesDoNotMatch
}

extension KeyPEMError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty: "expected a PEM text, found an empty file; copy the key again from an intact source"
        case .otherEncoding(let encoding):
            "expected a PEM text in UTF-8, found text in \(encoding.rawValue); save the file as UTF-8"
        case .notPEM:
            "expected a PEM text, found no line \"-----BEGIN …-----\"; convert DER with: openssl pkey -inform DER"
        case .severalBlocks: "expected one PEM block, found several; put each key into its own file"
        case .otherBlock(let label, let expected): "expected \"BEGIN \(expected)\", found \"BEGIN \(label)\""
        case .privateKeyWherePublicExpected:
            "expected a public key, found a private one; a private key does not belong here, "
                + "take its public half with: openssl pkey -pubout"
        case .publicKeyWherePrivateExpected: "expected a private key, found a public one"
        case .certificate:
            "expected a public key, found a certificate; take its key with: openssl x509 -pubkey -noout"
        case .encrypted:
            "expected an unencrypted private key, found an encrypted one; for a signing key, name its passphrase with "
                + "signing.passphrase: { env: NAME } or { file: PATH }, or decrypt it with: openssl pkcs8"
        case .wrongPassphrase:
            "expected a private key encrypted with signing.passphrase, found one that it does not open; correct the "
                + "passphrase, or encrypt the key with it: openssl pkcs8 -topk8"
        case .noPassphrase(let cause): "found an encrypted key, and its passphrase cannot be read: \(cause)"
        case .unreadable(let cause): "OpenSSL cannot read this key (\(cause)); export it again"
        case .unsupportedKeyType(let found):
            "expected RSA, EC P-256, P-384, P-521 or Ed25519, found another key type or curve (\(found))"
        case .weak(.rsaModulus(let bits)):
            "expected an RSA modulus of 2048 to 8192 bits, found \(bits) bits (or an even one); make a new key"
        case .weak(.rsaExponent): "expected an odd RSA exponent of at least 65537; make a new key"
        case .wrongKeyType(let expected, let found): "expected a key of type \(expected), found \(found)"
        case .noAllowedAlgorithm(let found, let allowed):
            "found a key of type \(found), which none of the allowed algorithms "
                + "(\(allowed.map(\.rawValue).joined(separator: ", "))) uses; allow one that does, or take another key"
        case .halvesDoNotMatch:
            "the public half in this file is not that of its private half; export the key again"
        }
    }
}
