import Glibc
import TokenExchange

/// The lines of a file as they come, with bounded memory: a log may have many gigabytes.
final class LogLines {
    /// No line that Countersign writes is longer.
    private static let longestLine = 65_536
    private static let pieceCount = 1 << 18

    private let descriptor: CInt
    private let name: String

    /// - Parameter path: `-` for standard input, which is copied to a nameless file, so that it can be read twice.
    /// - Throws: ``StartUpError`` if it cannot be opened.
    init(path: String) throws {
        name = path == "-" ? "standard input" : path
        descriptor = path == "-" ? try Self.copyOfStandardInput() : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.problem(name) }
    }

    deinit { close(descriptor) }

    /// Calls `body` with each line, without its line feed. Reads from the start each time.
    /// - Returns: how many lines were left out because they are too long.
    /// - Throws: ``StartUpError`` if the file cannot be read.
    func read(_ body: (ArraySlice<UInt8>) throws -> Void) throws -> Int {
        // A pipe cannot go back, and need not: it was copied.
        _ = lseek(descriptor, 0, SEEK_SET)
        var rest: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: Self.pieceCount)
        var (tooLong, isSkipping) = (0, false)
        while true {
            let count = try fill(&piece)
            if count == 0 { break }
            var lines = piece[..<count]
            while let end = lines.withUnsafeBufferPointer({ $0.position(of: "\n", from: 0) }) {
                let line = lines.prefix(end)
                lines = lines.dropFirst(end + 1)
                defer {
                    rest.removeAll(keepingCapacity: true)
                    isSkipping = false
                }
                if isSkipping { continue }
                let whole = rest.isEmpty ? line : (rest + line)[...]
                if whole.count > Self.longestLine { tooLong += 1 } else { try body(whole) }
            }
            if isSkipping { continue }
            rest += lines
            if rest.count > Self.longestLine {
                rest.removeAll(keepingCapacity: true)
                (tooLong, isSkipping) = (tooLong + 1, true)
            }
        }
        if !rest.isEmpty { try body(rest[...]) }
        return tooLong
    }

    private func fill(_ piece: inout [UInt8]) throws -> Int {
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw Self.problem(name) }
        }
    }

    private static func copyOfStandardInput() throws -> CInt {
        guard let file = tmpfile() else { throw problem("a temporary file") }
        defer { fclose(file) }
        let descriptor = dup(fileno(file))
        var piece = [UInt8](repeating: 0, count: pieceCount)
        while true {
            let count = Glibc.read(STDIN_FILENO, &piece, piece.count)
            if count == 0 { return descriptor }
            guard count > 0 || errno == EINTR else { throw problem("standard input") }
            var rest = piece[..<max(count, 0)]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                guard written > 0 || errno == EINTR else { throw problem("a temporary file") }
                rest = rest.dropFirst(max(written, 0))
            }
        }
    }

    private static func problem(_ name: String) -> StartUpError {
        StartUpError(["\(name): \(String(cString: strerror(errno)))"])
    }
}
