import Glibc

/// Reads a file line by line, in bounded memory, however long its lines are.
struct AuditLineReader: ~Copyable {
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    /// A line of a file.
    struct Piece {
        /// Without the line feed; of a line that is too long only the beginning.
        var bytes: [UInt8]
        var isTooLong: Bool
        /// Whether a line feed ends it. Only the last line of a file may lack it.
        var isEnded: Bool
    }

    /// Nil if there is no such file; `errno` says why.
    init?(_ path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
    }

    // Also runs if `init` returns nil, and must then leave `errno` as it is.
    deinit { if descriptor >= 0 { close(descriptor) } }

    /// How often a last line without its end is looked at again: a service may be writing it.
    private static let looks = 10

    /// The next line; nil at the end.
    mutating func next() -> Piece? {
        var looks = 0
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return piece(upTo: end, isEnded: true)
            }
            if buffer.count - start > AuditChain.longestLine { return tooLong() }
            guard !fill() else { continue }
            guard start < buffer.count else { return nil }
            looks += 1
            guard looks < Self.looks else {
                defer { start = buffer.count }
                return piece(upTo: buffer.count, isEnded: false)
            }
            usleep(50_000)
        }
    }

    private func piece(upTo end: Int, isEnded: Bool) -> Piece {
        let isTooLong = end - start > AuditChain.longestLine
        return Piece(
            bytes: Array(buffer[start..<end].prefix(AuditChain.longestLine)), isTooLong: isTooLong, isEnded: isEnded)
    }

    /// Passes over the rest of the line.
    private mutating func tooLong() -> Piece {
        var piece = Piece(
            bytes: Array(buffer[start...].prefix(AuditChain.longestLine)), isTooLong: true, isEnded: true)
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                start = end + 1
                return piece
            }
            start = buffer.count
            if !fill() {
                piece.isEnded = false
                return piece
            }
        }
    }

    /// - Returns: false at the end of the file.
    private mutating func fill() -> Bool {
        buffer.removeFirst(start)
        start = 0
        let filled = buffer.count
        buffer += [UInt8](repeating: 0, count: 65_536)
        var count = 0
        repeat {
            count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, 65_536) }
        } while count < 0 && errno == EINTR
        buffer.removeLast(65_536 - max(0, count))
        return count > 0
    }
}
