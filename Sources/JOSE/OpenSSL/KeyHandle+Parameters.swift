import COpenSSL

// MARK: - From parameters

extension KeyHandle {
    /// - Throws: if the parameters do not make a key: for a curve, if the point is not on it.
    convenience init(_ parameters: PublicKeyParameters) throws(OpenSSLFailure) {
        let pointer = unsafe try OpenSSLErrorQueue.checked {
            switch parameters {
            case .rsa(let modulus, let exponent): unsafe Self.makeRSA(modulus: modulus, exponent: exponent)
            case .ec(let curve, let x, let y): unsafe Self.makeEC(curve, point: [0x04] + x + y)
            case .ed25519(let bytes):
                unsafe EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, bytes, bytes.count)
            }
        }
        unsafe self.init(owning: pointer)
    }

    private static func makeRSA(modulus: [UInt8], exponent: [UInt8]) -> OpaquePointer? {
        let n = unsafe BN_bin2bn(modulus, Int32(modulus.count), nil)
        let e = unsafe BN_bin2bn(exponent, Int32(exponent.count), nil)
        defer {
            unsafe BN_free(n)
            unsafe BN_free(e)
        }
        guard unsafe n != nil, unsafe e != nil else { return nil }
        return unsafe make("RSA") { unsafe countersign_push_rsa($0, n, e) == 1 }
    }

    /// - Parameter point: uncompressed (SEC 1 §2.3.3).
    private static func makeEC(_ curve: EllipticCurve, point: [UInt8]) -> OpaquePointer? {
        unsafe curve.rawValue.withCString { name in
            unsafe point.withUnsafeBytes { point in
                unsafe make("EC") { unsafe countersign_push_ec($0, name, point.baseAddress, point.count) == 1 }
            }
        }
    }

    private static func make(_ type: String, _ fill: (OpaquePointer) -> Bool) -> OpaquePointer? {
        guard let builder = unsafe OSSL_PARAM_BLD_new() else { return nil }
        defer { unsafe OSSL_PARAM_BLD_free(builder) }
        guard unsafe fill(builder), let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else { return nil }
        defer { unsafe OSSL_PARAM_free(parameters) }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type, nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_fromdata_init(context) == 1,
            unsafe EVP_PKEY_fromdata(context, &key, countersign_select_public_key, parameters) == 1
        else { return nil }
        return unsafe key
    }
}

// MARK: - To parameters

extension KeyHandle {
    /// The public half; nil for a kind of key that no algorithm here uses (RSA-PSS keys, DSA, other curves, X25519, …).
    var parameters: PublicKeyParameters? {
        try? OpenSSLErrorQueue.checked {
            if unsafe EVP_PKEY_is_a(pointer, "RSA") == 1 {
                guard let modulus = integer(OSSL_PKEY_PARAM_RSA_N), let exponent = integer(OSSL_PKEY_PARAM_RSA_E)
                else { return nil }
                return .rsa(modulus: modulus, exponent: exponent)
            }
            if unsafe EVP_PKEY_is_a(pointer, "EC") == 1 {
                guard let curve, let x = integer(OSSL_PKEY_PARAM_EC_PUB_X, count: curve.coordinateCount),
                    let y = integer(OSSL_PKEY_PARAM_EC_PUB_Y, count: curve.coordinateCount)
                else { return nil }
                return .ec(curve, x: x, y: y)
            }
            return unsafe EVP_PKEY_is_a(pointer, "ED25519") == 1 ? ed25519 : nil
        }
    }

    /// OpenSSL's name for the type of key, for messages.
    var typeName: String {
        unsafe EVP_PKEY_get0_type_name(pointer).map { unsafe String(cString: $0) } ?? "unknown"
    }

    private var curve: EllipticCurve? {
        var name = [CChar](repeating: 0, count: 32)
        var count = 0
        guard unsafe EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1 else { return nil }
        return switch String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) {
        case "prime256v1", "P-256": .p256
        case "secp384r1", "P-384": .p384
        case "secp521r1", "P-521": .p521
        default: nil
        }
    }

    private var ed25519: PublicKeyParameters? {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard unsafe EVP_PKEY_get_raw_public_key(pointer, &bytes, &count) == 1, count == 32 else { return nil }
        return .ed25519(bytes)
    }

    /// - Parameter count: the length to pad to; nil for no padding.
    private func integer(_ name: String, count: Int? = nil) -> [UInt8]? {
        var number: OpaquePointer?  // <BIGNUM>
        defer { unsafe BN_free(number) }
        guard unsafe EVP_PKEY_get_bn_param(pointer, name, &number) == 1, let number = unsafe number else { return nil }
        let count = unsafe count ?? Int(BN_num_bits(number) + 7) / 8
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe BN_bn2binpad(number, &bytes, Int32(count)) == Int32(count) ? bytes : nil
    }
}
