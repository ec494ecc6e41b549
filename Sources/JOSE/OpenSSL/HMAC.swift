import COpenSSL

/// Codes of HS256, HS384 and HS512 (RFC 7518 §3.2), for tokens that every verifier must refuse. Nothing here verifies one.
package enum HMAC {
    /// Nil if the algorithm is none of the three.
    package static func code(_ algorithm: String, key: [UInt8], over input: [UInt8]) -> [UInt8]? {
        let digest: String
        switch algorithm {
        case "HS256": digest = "SHA256"
        case "HS384": digest = "SHA384"
        case "HS512": digest = "SHA512"
        default: return nil
        }
        // A key is filled up with zeros (RFC 2104), so this is the same as none, and has a pointer.
        let key = key.isEmpty ? [0] : key
        return OpenSSLErrorQueue.required("compute an HMAC") {
            var code = [UInt8](repeating: 0, count: DigestHandle.longest)
            var count = 0
            let isMade = unsafe EVP_Q_mac(
                nil, "HMAC", nil, digest, nil, key, key.count, input, input.count, &code, code.count, &count)
            return unsafe isMade == nil ? nil : Array(code.prefix(count))
        }
    }
}
