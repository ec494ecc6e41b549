import COpenSSL
package import TokenExchange

/// SHA-256, AES-256-GCM and the random generator of OpenSSL.
///
/// A sealed record is version (1 byte, authenticated) ‖ nonce (12) ‖ ciphertext ‖ tag (16). If OpenSSL fails in a call
/// that no input can make fail, memory or entropy has run out, and the process ends.
package struct OpenSSLRecordSealer: RecordSealer {
    private static let digests = OpenSSLErrorQueue.required("make a digest context") {
        try? ContextPool { () throws(OpenSSLFailure) in try DigestContextHandle(.sha256) }
    }
    private static let ciphers = OpenSSLErrorQueue.required("make a cipher context") {
        try? ContextPool { () throws(OpenSSLFailure) in try CipherContextHandle() }
    }
    private static let random = OpenSSLErrorQueue.required("make a source of random bytes") {
        try? ContextPool { () throws(OpenSSLFailure) in RandomBytes() }
    }

    package init() {}

    package func digest(_ bytes: [UInt8]) -> [UInt8] {
        digest { $0.update(bytes) }
    }

    package func derive(_ label: StaticString, from secret: [UInt8], context: [UInt8]) -> DerivedKey {
        let bytes = digest { hash in
            hash.update([0, 0, 0, 1]) && hash.update(secret)
                && label.withUTF8Buffer { unsafe hash.update(UnsafeRawBufferPointer($0)) } && hash.update(context)
        }
        return DerivedKey(bytes: bytes)
    }

    private func digest(_ update: (DigestContextHandle) -> Bool) -> [UInt8] {
        let digest = try? Self.digests.withContext { context in
            unsafe withUnsafeTemporaryAllocation(byteCount: context.digest.count, alignment: 1) { digest in
                guard context.begin(), update(context), unsafe context.finish(into: digest) else {
                    return nil as [UInt8]?
                }
                return unsafe Array(digest)
            }
        }
        guard let digest else { fatalError("OpenSSL cannot compute SHA-256") }
        return digest
    }

    package func randomBytes(_ count: Int) -> [UInt8] {
        let bytes = try? Self.random.withContext { random in
            unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { bytes in
                unsafe random.draw(into: bytes) ? Array(bytes) : nil
            }
        }
        guard let bytes else { fatalError("OpenSSL cannot draw random bytes") }
        return bytes
    }
}

// MARK: - Records

extension OpenSSLRecordSealer {
    private static let headCount = 1 + CipherContextHandle.nonceCount
    private static let frameCount = headCount + CipherContextHandle.tagCount

    package func seal(_ plaintext: [UInt8], version: UInt8, under key: DerivedKey) -> SealedRecord {
        precondition(key.bytes.count == CipherContextHandle.keyCount, "a derived key has 32 bytes")
        let count = plaintext.count + Self.frameCount
        let record = try? Self.ciphers.withContext { context in
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { record -> [UInt8]? in
                guard let start = record.baseAddress else { return nil }
                unsafe start.pointee = version
                let nonce = unsafe start + 1
                let ciphertext = unsafe start + Self.headCount
                let isSealed =
                    unsafe context.random.draw(
                        into: UnsafeMutableRawBufferPointer(start: nonce, count: CipherContextHandle.nonceCount))
                    && context.seal(
                        plaintext, key: key.bytes, nonce: nonce, authenticating: [version],
                        ciphertext: ciphertext, tag: ciphertext + plaintext.count)
                return unsafe isSealed ? Array(record) : nil
            }
        }
        guard let record else { fatalError("OpenSSL cannot seal a record") }
        return SealedRecord(bytes: record)
    }

    package func open(
        _ record: SealedRecord, version: UInt8, under key: DerivedKey
    ) throws(UnreadableRecord) -> [UInt8] {
        let count = record.bytes.count - Self.frameCount
        guard count >= 0, let found = record.bytes.first else { throw .corrupt }
        guard found == version else { throw found < version ? .olderVersion : .newerVersion }
        guard let plaintext = plaintext(of: record, count: count, under: key) else { throw .corrupt }
        return plaintext
    }

    private func plaintext(of record: SealedRecord, count: Int, under key: DerivedKey) -> [UInt8]? {
        try? Self.ciphers.withContext { context throws(OpenSSLFailure) in
            try OpenSSLErrorQueue.checked {
                unsafe record.bytes.withUnsafeBufferPointer { record -> [UInt8]? in
                    guard let start = record.baseAddress else { return nil }
                    let ciphertext = unsafe start + Self.headCount
                    var isOpen = false
                    let plaintext = unsafe [UInt8](unsafeUninitializedCapacity: max(count, 1)) { buffer, written in
                        guard let output = buffer.baseAddress else { return }
                        isOpen = unsafe context.open(
                            ciphertext, count: count, key: key.bytes, nonce: start + 1, authenticating: [start.pointee],
                            tag: ciphertext + count, plaintext: output)
                        written = isOpen ? count : 0
                    }
                    return isOpen ? plaintext : nil
                }
            }
        }
    }
}
