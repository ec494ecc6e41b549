import COpenSSL

/// A digest algorithm, fetched once per process: fetching takes locks and costs as much as hashing a token.
@safe final class DigestHandle: @unchecked Sendable {
    // An EVP_MD is immutable once fetched, and OpenSSL shares it between threads itself. Only this object holds the
    // pointer, and frees it once.
    let pointer: OpaquePointer  // <EVP_MD>
    /// Bytes of a digest.
    let count: Int

    static let sha256 = DigestHandle("SHA256")
    static let sha384 = DigestHandle("SHA384")
    static let sha512 = DigestHandle("SHA512")
    /// Bytes of the longest digest.
    static let longest = 64

    private init(_ name: String) {
        unsafe pointer = OpenSSLErrorQueue.required("fetch a SHA-2 digest") { unsafe EVP_MD_fetch(nil, name, nil) }
        unsafe count = Int(EVP_MD_get_size(pointer))
    }

    deinit { unsafe EVP_MD_free(pointer) }
}

/// A digest being computed. Reused: starting again with the same algorithm allocates nothing.
@safe final class DigestContextHandle: @unchecked Sendable {
    // An EVP_MD_CTX may be used by one thread at a time, and the pool that owns this object lends it to one at a time.
    // Only this object holds the pointer, and frees it once.
    private let pointer: OpaquePointer  // <EVP_MD_CTX>
    let digest: DigestHandle

    init(_ digest: DigestHandle) throws(OpenSSLFailure) {
        unsafe pointer = try OpenSSLErrorQueue.checked { unsafe EVP_MD_CTX_new() }
        self.digest = digest
    }

    deinit { unsafe EVP_MD_CTX_free(pointer) }

    /// Starts a new digest. False if OpenSSL fails, as for the others.
    func begin() -> Bool { unsafe EVP_DigestInit_ex2(pointer, digest.pointer, nil) == 1 }

    /// Adds bytes.
    func update(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe EVP_DigestUpdate(pointer, bytes.baseAddress, bytes.count) == 1
    }

    func update(_ bytes: [UInt8]) -> Bool { unsafe bytes.withUnsafeBytes { unsafe update($0) } }

    /// Writes `digest.count` bytes.
    func finish(into output: UnsafeMutableRawBufferPointer) -> Bool {
        precondition(output.count >= digest.count)
        return unsafe EVP_DigestFinal_ex(pointer, output.assumingMemoryBound(to: UInt8.self).baseAddress, nil) == 1
    }
}
