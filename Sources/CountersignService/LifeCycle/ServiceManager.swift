import BlockingWork
import Glibc
import Synchronization

/// Tells the service manager how the service is, as `sd_notify(3)` does: datagrams to the socket that `NOTIFY_SOCKET` names.
/// Without that variable nobody is told anything.
///
/// Never blocks: news that the manager has no room for are dropped, as it says nothing of them either.
package final class ServiceManager: Sendable {
    private enum State {
        case starting(listeners: Int)
        case ready, reloading, stopping
    }

    private let socket: String?
    /// How often it must be told that the service is alive, or it starts the service again; nil if it need not be told.
    package let watchdog: Duration?
    private let monotonicTime: @Sendable () -> Duration
    private let state = Mutex(State.starting(listeners: 2))

    /// - Parameters:
    ///   - process: ours; a watchdog may be meant for another one, which started us.
    ///   - monotonicTime: `CLOCK_MONOTONIC`, which is the manager's clock too.
    package init(
        environment: [String: String], process: Int32 = getpid(), monotonicTime: @escaping @Sendable () -> Duration
    ) {
        socket = environment["NOTIFY_SOCKET"]
        let isOurs = environment["WATCHDOG_PID"].map { Int32($0) == process } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdog = isOurs && microseconds > 0 ? .microseconds(microseconds) : nil
        self.monotonicTime = monotonicTime
    }

    /// One of the two listeners listens. After the second the service is ready.
    package func listenerIsOpen() {
        change { state in
            guard case .starting(let listeners) = state else { return nil }
            state = listeners > 1 ? .starting(listeners: listeners - 1) : .ready
            return listeners > 1 ? nil : "READY=1"
        }
    }

    /// A reload is asked for.
    package func reloadBegins() {
        change { state in
            guard case .ready = state else { return nil }
            state = .reloading
            return "RELOADING=1\nMONOTONIC_USEC=\(Int64(monotonicTime() / .microseconds(1)))"
        }
    }

    /// No reload is asked for any more, whatever came of the last one.
    package func reloadEnds() {
        change { state in
            guard case .reloading = state else { return nil }
            state = .ready
            return "READY=1"
        }
    }

    /// The service begins to leave; after this only ``watch(_:)`` tells more.
    package func serviceLeaves() {
        change { state in
            state = .stopping
            return "STOPPING=1"
        }
    }

    /// Says that the service is alive for as long as its loops are, twice in each ``watchdog``.
    /// - Parameter lateness: by how much the latest loop is late now.
    package func watch(_ lateness: @escaping @Sendable () -> Duration) {
        guard let watchdog else { return }
        let pause = UInt32(clamping: Int64(watchdog / .microseconds(2)))
        _ = startThread("watchdog") { [self] in
            while true {
                if lateness() < watchdog { send("WATCHDOG=1") }
                usleep(pause)
            }
        }
    }

    /// In one step, so that news are told in the order in which they happen.
    private func change(_ body: (inout sending State) -> String?) {
        state.withLock { state in if let news = body(&state) { send(news) } }
    }

    private func send(_ news: String) {
        guard let socket, let address = Self.address(socket) else { return }
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array(news.utf8)
        _ = withUnsafePointer(to: address.value) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), $0, address.length)
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
