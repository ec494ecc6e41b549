import Glibc

/// A datagram socket, as systemd has one for `NOTIFY_SOCKET`.
package final class NotifySocket: Sendable {
    private let descriptor: Int32
    package let name: String

    /// - Parameter name: a path, or a name that begins with `@`.
    package init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let status = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard status == 0 else { throw SocketFailure(code: errno) }
    }

    deinit {
        close(descriptor)
        unlink(name)
    }

    /// The next message; nil if there is none.
    package func next() -> String? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// All messages that are there.
    package func all() -> [String] { Array(sequence(state: ()) { _ in self.next() }) }
}
