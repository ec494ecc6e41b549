import COpenSSL

/// Random bytes of OpenSSL's generator, drawn in blocks: asking it costs ten times as much as the bytes themselves, most
/// of it to find out whether the process was forked, which it never is.
@safe final class RandomBytes: @unchecked Sendable {
    // Used by one thread at a time: the pool that owns it, or owns its owner, lends it to one at a time.
    private var block = [UInt8](repeating: 0, count: blockCount)
    /// How many bytes of the block, its last ones, have not been handed out.
    private var left = 0

    /// Far more than a login needs.
    private static let blockCount = 512

    deinit { unsafe block.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) } }

    /// Fills `output`. What has been handed out is erased here. False if OpenSSL fails.
    func draw(into output: UnsafeMutableRawBufferPointer) -> Bool {
        guard output.count <= Self.blockCount else {
            return unsafe RAND_priv_bytes(output.baseAddress, Int32(output.count)) == 1
        }
        return unsafe block.withUnsafeMutableBytes { block in
            if left < output.count {
                guard unsafe RAND_priv_bytes(block.baseAddress, Int32(block.count)) == 1 else { return false }
                left = block.count
            }
            let fresh = unsafe UnsafeMutableRawBufferPointer(rebasing: block.suffix(left).prefix(output.count))
            unsafe output.copyMemory(from: UnsafeRawBufferPointer(fresh))
            unsafe OPENSSL_cleanse(fresh.baseAddress, fresh.count)
            left -= output.count
            return true
        }
    }
}
