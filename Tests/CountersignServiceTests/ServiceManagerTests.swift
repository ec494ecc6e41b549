import CountersignService
import Foundation
import Glibc
import Testing

/// A datagram socket, as systemd has one for `NOTIFY_SOCKET`.
private struct NotifySocket: ~Copyable {
    private let descriptor: Int32
    let name: String

    /// - Parameter name: a path, or a name that begins with `@`.
    init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let status = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(status == 0)
    }

    deinit { close(descriptor) }

    /// The next message; nil if there is none.
    func next() -> String? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}

@Suite struct ServiceManagerTests {
    @Test(arguments: ["@countersign-\(UUID().uuidString)", "/tmp/countersign-\(UUID().uuidString)"])
    func isToldWhatHappens(_ name: String) throws {
        let socket = try NotifySocket(name)
        defer { unlink(name) }
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": name])
        manager.tell(.ready)
        manager.tell(.reloading(at: .milliseconds(1500)))
        manager.tell(.alive)
        manager.tell(.stopping)
        #expect(socket.next() == "READY=1")
        #expect(socket.next() == "RELOADING=1\nMONOTONIC_USEC=1500000")
        #expect(socket.next() == "WATCHDOG=1")
        #expect(socket.next() == "STOPPING=1")
    }

    @Test(arguments: ["", "relative", "/" + String(repeating: "x", count: 200), "/tmp/nobody-\(UUID().uuidString)"])
    func whoCannotBeToldHarmsNobody(_ name: String) {
        ServiceManager(environment: ["NOTIFY_SOCKET": name]).tell(.ready)
        ServiceManager(environment: [:]).tell(.ready)
    }

    @Test func knowsHowOftenItMustBeTold() {
        #expect(ServiceManager(environment: ["WATCHDOG_USEC": "30000000"]).watchdog == .seconds(30))
        for text in ["0", "-5", "soon", ""] {
            #expect(ServiceManager(environment: ["WATCHDOG_USEC": text]).watchdog == nil)
        }
        #expect(ServiceManager(environment: [:]).watchdog == nil)
    }
}
