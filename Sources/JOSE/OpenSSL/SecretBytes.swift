import COpenSSL
import TokenExchange

/// The bytes of a private key's file: one copy on the heap, erased at the end.
@safe struct SecretBytes: ~Copyable {
    private let buffer: UnsafeMutableRawBufferPointer
    private let count: Int

    /// - Parameter fill: writes from the start, and returns how many bytes.
    init<Failure: Error>(
        capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(capacity, 1), alignment: 1)
        do {
            count = unsafe try fill(memory)
        } catch {
            unsafe Self.dispose(of: memory)
            throw error
        }
        unsafe buffer = memory
    }

    /// `bytes` itself is not erased.
    init(copying bytes: some Collection<UInt8>) {
        unsafe self.init(capacity: bytes.count) { memory in
            unsafe memory.copyBytes(from: bytes)
            return bytes.count
        }
    }

    deinit { unsafe Self.dispose(of: buffer) }

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]) }

    /// The bytes without a byte order mark.
    var text: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes.withoutByteOrderMark)
    }

    /// Keeps the bytes for as long as `body` runs; a temporary's ``bytes`` could be erased before they are read.
    borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe try body(bytes)
    }

    private static func dispose(of memory: UnsafeMutableRawBufferPointer) {
        unsafe OPENSSL_cleanse(memory.baseAddress, memory.count)
        unsafe memory.deallocate()
    }
}
