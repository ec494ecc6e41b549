import CountersignService
import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// What systemd is told, and when.
@Suite struct ServiceManagerTests {
    private func manager(_ environment: [String: String]) -> ServiceManager {
        ServiceManager(environment: environment, process: 42) { .milliseconds(1500) }
    }

    @Test(arguments: ["@countersign-\(UUID().uuidString)", "/tmp/countersign-\(UUID().uuidString)"])
    func isToldWhatHappens(_ name: String) throws {
        let socket = try NotifySocket(name)
        let manager = manager(["NOTIFY_SOCKET": name])
        manager.listenerIsOpen()
        #expect(socket.next() == nil, "the other listener does not listen yet")
        manager.listenerIsOpen()
        #expect(socket.next() == "READY=1")
        manager.reloadBegins()
        #expect(socket.next() == "RELOADING=1\nMONOTONIC_USEC=1500000")
        manager.reloadEnds()
        #expect(socket.next() == "READY=1")
        manager.serviceLeaves()
        #expect(socket.next() == "STOPPING=1")
        #expect(socket.next() == nil)
    }

    /// A signal may come at any moment.
    @Test func isToldOnlyWhatFollowsFromWhatItKnows() throws {
        let name = "@countersign-\(UUID().uuidString)"
        let socket = try NotifySocket(name)
        let manager = manager(["NOTIFY_SOCKET": name])
        manager.reloadBegins()
        manager.listenerIsOpen()
        manager.reloadEnds()
        #expect(socket.next() == nil, "a reload does not make it ready")
        manager.listenerIsOpen()
        manager.reloadBegins()
        manager.reloadBegins()
        manager.reloadEnds()
        manager.reloadEnds()
        #expect(socket.all() == ["READY=1", "RELOADING=1\nMONOTONIC_USEC=1500000", "READY=1"])
        manager.reloadBegins()
        manager.serviceLeaves()
        manager.reloadEnds()
        manager.reloadBegins()
        #expect(socket.all() == ["RELOADING=1\nMONOTONIC_USEC=1500000", "STOPPING=1"])
    }

    @Test(arguments: ["", "relative", "/" + String(repeating: "x", count: 200), "/tmp/nobody-\(UUID().uuidString)"])
    func whoCannotBeToldHarmsNobody(_ name: String) {
        manager(["NOTIFY_SOCKET": name]).serviceLeaves()
        manager([:]).serviceLeaves()
    }

    @Test func knowsHowOftenItMustBeTold() {
        #expect(manager(["WATCHDOG_USEC": "30000000"]).watchdog == .seconds(30))
        #expect(manager(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"]).watchdog == .seconds(30))
        #expect(manager(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"]).watchdog == nil, "of another process")
        for text in ["0", "-5", "soon", ""] { #expect(manager(["WATCHDOG_USEC": text]).watchdog == nil) }
        #expect(manager([:]).watchdog == nil)
    }

    /// Time is the loop's own: it counts while nothing runs there.
    @Test func isToldThatTheServiceIsAliveUnlessALoopHangs() async throws {
        let name = "@countersign-\(UUID().uuidString)"
        let socket = try NotifySocket(name)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = LoopWatch(group.makeIterator())
        manager(["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"]).watch { loops.lateness }
        try await eventually("it says so, and again") { socket.next() == "WATCHDOG=1" }
        try await eventually("again") { socket.next() == "WATCHDOG=1" }
        let isOver = DispatchSemaphore(value: 0)
        group.next().execute { isOver.wait() }
        // What was sent until then, or is sent at this moment.
        try await eventually("one loop hangs") { loops.lateness > .milliseconds(800) }
        _ = socket.all()
        try await eventually("it hangs for longer") { loops.lateness > .seconds(2) }
        #expect(socket.all().isEmpty, "in the time of three watchdogs")
        isOver.signal()
        try await eventually("it says so once it hangs no more") { socket.next() == "WATCHDOG=1" }
        try await group.shutdownGracefully()
    }
}
