import Glibc

/// Bytes that are piped into a command.
package enum StandardInput {
    /// All there is, or, where there is more, `limit` bytes and one.
    package static func read(upTo limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let count = Glibc.read(STDIN_FILENO, &buffer, min(buffer.count, limit + 1 - bytes.count))
            if count > 0 { bytes.append(contentsOf: buffer[..<count]) } else if count == 0 || errno != EINTR { break }
        }
        return bytes
    }
}

/// Results to the letter, where `print` would add a newline and needs text.
package enum StandardOutput {
    /// - Returns: whether all of it was taken; a full disk and a closed pipe do not.
    package static func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return false }
        }
        return true
    }
}
