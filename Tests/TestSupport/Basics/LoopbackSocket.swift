import Foundation
import Synchronization

/// A blocking TCP socket that connects to 127.0.0.1; every wait ends after five seconds.
package final class LoopbackSocket: Sendable {
    package let descriptor: CInt

    package init() throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketFailure(code: errno) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    /// - Parameter lastByte: of the address 127.0.0.x, all of which are this machine.
    func bind(port: Int, lastByte: UInt8 = 1) throws {
        try withAddress(port: port, lastByte: lastByte) { Glibc.bind(descriptor, $0, $1) }
    }

    /// Has to be set before ``connect(port:)``.
    func setReceiveBuffer(_ bytes: CInt) {
        var bytes = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
    }

    package func connect(port: Int) throws {
        try withAddress(port: port) { Glibc.connect(descriptor, $0, $1) }
    }

    package func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw SocketFailure(code: errno) }
            rest = rest.dropFirst(count)
        }
    }

    func readByte() throws -> UInt8 {
        var byte: UInt8 = 0
        guard recv(descriptor, &byte, 1, 0) == 1 else { throw SocketFailure(code: errno) }
        return byte
    }

    private func withAddress(
        port: Int, lastByte: UInt8 = 1, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(lastByte)).bigEndian
        let status = withUnsafeBytes(of: &address) {
            call($0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
        }
        guard status == 0 else { throw SocketFailure(code: errno) }
    }
}

package struct SocketFailure: Error {
    package let code: CInt
}

/// A port that nobody listens on, and that nobody else gets: each call answers another one, and the system gives ports to
/// those who ask for any from 32768 on (`ip_local_port_range`).
package func freeLoopbackPort() throws -> Int {
    while true {
        let port = 20_000 + portCount.wrappingAdd(1, ordering: .relaxed).newValue % 12_000
        do {
            let trial = try LoopbackSocket()
            // A process that is being started has a copy of the socket for a moment; with this it is in nobody's way.
            var yes: CInt = 1
            setsockopt(trial.descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
            try trial.bind(port: port)
            return port
        } catch let failure as SocketFailure where failure.code == EADDRINUSE {}
    }
}

/// Begins anywhere, as other processes may test too.
private let portCount = Atomic(Int.random(in: 0..<12_000))

/// Lets this process open as many files and sockets as it may; most systems start processes with 1024.
package func raiseOpenFileLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
