import Glibc
import TokenExchange

/// The bytes that are piped into a command.
package enum StandardInput {
    /// Reads to the end, but at most one byte more than `limit`.
    ///
    /// - Parameter isEnough: whether to stop at these bytes.
    package static func read(upTo limit: Int, until isEnough: ([UInt8]) -> Bool = { _ in false }) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit, !isEnough(bytes) {
            let count = Glibc.read(STDIN_FILENO, &buffer, min(buffer.count, limit + 1 - bytes.count))
            if count > 0 { bytes.append(contentsOf: buffer[..<count]) } else if count == 0 || errno != EINTR { break }
        }
        return bytes
    }

    /// The first line that is not blank, as a token: without a byte order mark, blanks around it, and `Bearer` before
    /// it.
    package static func readToken() -> [UInt8] {
        let blanks = Array(" \t\r\n".utf8)
        let text = { (bytes: [UInt8]) in bytes.withoutByteOrderMark.drop(while: blanks.contains) }
        let bytes = read(upTo: tokenLimit) { text($0).contains(UInt8(ascii: "\n")) }
        let words = text(bytes).prefix { $0 != UInt8(ascii: "\n") }.split(whereSeparator: blanks.contains)
        let isMarked = words.count > 1 && words[0].map { $0 | 0x20 } == Array("bearer".utf8)
        return Array(words.dropFirst(isMarked ? 1 : 0).joined(separator: [UInt8(ascii: " ")]))
    }

    /// The first line as it is, without its line feed.
    package static func readLine() -> [UInt8] {
        let line = read(upTo: tokenLimit) { $0.contains(UInt8(ascii: "\n")) }.prefix { $0 != UInt8(ascii: "\n") }
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }

    /// What somebody has pasted, for ``PastedText``: the first line that is not blank, or JSON of several lines.
    package static func readPasted() -> [UInt8] {
        let (brace, newline) = (UInt8(ascii: "{"), UInt8(ascii: "\n"))
        let text = { (bytes: [UInt8]) in Array(bytes.withoutByteOrderMark.drop { " \t\r\n".utf8.contains($0) }) }
        let bytes = text(
            read(upTo: tokenLimit) { bytes in
                let text = text(bytes)
                return text.first == brace ? (try? JSONValue(parsing: text)) != nil : text.contains(newline)
            })
        return bytes.first == brace ? bytes : Array(bytes.prefix { $0 != newline })
    }

    /// More than any token may have, so that a token that is too long is recognised as such.
    private static let tokenLimit = 1 << 20
}

/// Writes bytes unchanged; `print` would need text and add a newline.
package enum StandardOutput {
    /// - Returns: false if not everything could be written (a full disk, a closed pipe).
    package static func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return false }
        }
        return true
    }
}
