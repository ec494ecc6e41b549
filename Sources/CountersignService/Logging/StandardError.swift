import Glibc

/// Where commands write what goes wrong. One `write` per line, so that lines of several threads do not mix.
package enum StandardError {
    /// Blocks until the line is written, or cannot be.
    package static func write(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return }
        }
    }
}
