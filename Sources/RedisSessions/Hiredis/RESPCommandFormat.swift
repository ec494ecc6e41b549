import CHiredis
package import NIOCore

extension ByteBuffer {
    /// Appends one command in RESP: `opening` (its name and what goes with it), then `arguments`.
    package mutating func writeCommand(_ opening: RESPArguments, _ arguments: RESPArguments) {
        let lengths = opening.lengths + arguments.lengths
        unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) { pointers in
            unsafe opening.bytes.withUnsafeBytes { openingBytes in
                unsafe arguments.bytes.withUnsafeBytes { argumentBytes in
                    let split = opening.lengths.count
                    unsafe point(pointers, from: 0, into: openingBytes, opening.lengths)
                    unsafe point(pointers, from: split, into: argumentBytes, arguments.lengths)
                    unsafe writeCommand(pointers, lengths)
                }
            }
        }
    }

    private mutating func writeCommand(_ pointers: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>, _ lengths: [Int])
    {
        var command: UnsafeMutablePointer<CChar>?
        let count = unsafe redisFormatCommandArgv(&command, CInt(lengths.count), pointers.baseAddress, lengths)
        guard count >= 0, let command = unsafe command else {
            preconditionFailure("hiredis could not allocate a command")
        }
        defer { unsafe redisFreeCommand(command) }
        unsafe writeBytes(UnsafeRawBufferPointer(start: command, count: Int(count)))
    }
}

/// Lets each pointer from `start` on point to its argument, the arguments lying one after the other in `bytes`.
private func point(
    _ pointers: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>, from start: Int, into bytes: UnsafeRawBufferPointer,
    _ lengths: [Int]
) {
    // An argument needs an address even where it is empty: hiredis copies by length.
    var next = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    for (index, length) in lengths.enumerated() {
        unsafe pointers[start + index] = next
        unsafe next = next.map { unsafe $0 + length }
    }
}
