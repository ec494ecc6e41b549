import BlockingWork
import Glibc

/// Tells the service manager how the service is, as `sd_notify(3)` does: datagrams to the socket that `NOTIFY_SOCKET` names.
/// Without that variable nobody is told anything.
package struct ServiceManager: Sendable {
    /// What systemd is told.
    package enum News: Sendable, Equatable {
        /// Both listeners listen, or a reload has ended.
        case ready
        /// - Parameter at: by the monotonic clock.
        case reloading(at: Duration)
        case stopping
        /// The event loops run.
        case alive

        fileprivate var text: String {
            switch self {
            case .ready: "READY=1"
            case .reloading(let moment): "RELOADING=1\nMONOTONIC_USEC=\(Int64(moment / .microseconds(1)))"
            case .stopping: "STOPPING=1"
            case .alive: "WATCHDOG=1"
            }
        }
    }

    private let socket: String?
    /// How often somebody must say ``News/alive``, or systemd starts the service again; nil if nobody must.
    package let watchdog: Duration?

    package init(environment: [String: String]) {
        socket = environment["NOTIFY_SOCKET"]
        watchdog = environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? .microseconds($0) : nil }
    }

    /// Never blocks: news that the manager has no room for are dropped, as it says nothing of them either.
    package func tell(_ news: News) {
        guard let socket, let address = Self.address(socket) else { return }
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array(news.text.utf8)
        _ = withUnsafePointer(to: address.value) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), $0, address.length)
            }
        }
    }

    /// Says that the service is alive for as long as its loops are, twice in each ``watchdog``.
    /// - Parameter gap: by how much the latest loop is late.
    func watch(_ gap: @escaping @Sendable () -> Duration) {
        guard let watchdog else { return }
        let pause = UInt32(clamping: Int64(watchdog / .microseconds(2)))
        _ = startThread("watchdog") {
            while true {
                if gap() < watchdog { tell(.alive) }
                usleep(pause)
            }
        }
    }

    /// Nil if the name is no address. A name that begins with `@` is in the kernel's own name space, which begins with NUL.
    private static func address(_ name: String) -> (value: sockaddr_un, length: socklen_t)? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.first == UInt8(ascii: "/") || bytes.first == UInt8(ascii: "@"), bytes.count < room else {
            return nil
        }
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return (address, socklen_t(MemoryLayout<sockaddr_un>.size - room + bytes.count))
    }
}
