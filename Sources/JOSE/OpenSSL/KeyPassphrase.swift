import TokenExchange

/// What private key files are encrypted with. Cannot be printed.
package struct KeyPassphrase: Sendable, Redacted {
    /// The most that OpenSSL takes (`PEM_BUFSIZE`), including the NUL.
    static let byteLimit = 1024

    /// Returns nil if there is none. Called only for a key that is encrypted, or is to be; errors are in words for the
    /// operator.
    package typealias Source = @Sendable () throws -> KeyPassphrase?

    private let bytes: [UInt8]

    /// Nil for what OpenSSL would cut or refuse: an empty text, a NUL, more than 1023 bytes.
    package init?(_ text: String) {
        bytes = Array(text.utf8)
        guard !bytes.isEmpty, !bytes.contains(0), bytes.count < Self.byteLimit else { return nil }
    }

    /// With a NUL at its end.
    func withTerminatedBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeBufferPointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe try SecretBytes(copying: bytes + [0]).withBytes { bytes throws(Failure) in
            unsafe try body(bytes.assumingMemoryBound(to: CChar.self))
        }
    }
}
