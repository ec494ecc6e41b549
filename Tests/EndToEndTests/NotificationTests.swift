import Foundation
import TestSupport
import Testing

/// What the real program tells a service manager such as systemd.
@Suite struct NotificationTests {
    private typealias Settings = CountersignProcess.Settings

    private let socket: NotifySocket

    init() throws {
        socket = try NotifySocket("@countersign-\(UUID().uuidString)")
    }

    /// - Parameter watchdog: in microseconds.
    private func start(in folder: TemporaryFolder, watchdog: Int? = nil) async throws -> CountersignProcess {
        let variables =
            "export NOTIFY_SOCKET='\(socket.name)'"
            + (watchdog.map { " WATCHDOG_PID=$$ WATCHDOG_USEC=\($0)" } ?? "")
        return try await CountersignProcess.start(in: folder, under: variables)
    }

    private func next(_ what: String) async throws -> String {
        var news: String?
        try await eventually("systemd is told that \(what)", within: .seconds(15)) {
            news = socket.next()
            return news != nil
        }
        return news ?? ""
    }

    @Test func saysWhenItServesReloadsAndLeaves() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        let before = try monotonicMicroseconds()
        let service = try await start(in: folder)
        #expect(try await next("it is ready") == "READY=1")
        #expect(socket.next() == nil)
        for text in [Settings().yaml, "nonsense: true\n"] {
            try folder.write("countersign.yaml", text)
            service.signal(SIGHUP)
            let reloading = try await next("it reloads")
            let moment = reloading.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=(\d+)/).flatMap { Int64($0.1) }
            let isOfThisClock = try #require(moment) > before && moment ?? 0 <= (try monotonicMicroseconds())
            #expect(isOfThisClock, "\(reloading)")
            #expect(try await next("the reload has ended") == "READY=1")
        }
        #expect(service.log.contains("not reloaded"), "the second one failed")
        service.signal(SIGTERM)
        #expect(try await next("it leaves") == "STOPPING=1")
        #expect(try await service.exitStatus() == 0)
        #expect(socket.next() == nil)
    }

    @Test func saysNothingOfAServiceThatCannotListen() async throws {
        let other = try await CountersignProcess.start()
        var settings = Settings()
        settings.ports = (other.publicPort, 0)
        let folder = try CountersignProcess.prepare(settings)
        await #expect(throws: (any Error).self) { try await start(in: folder) }
        #expect(socket.next() == nil, "one of its listeners did listen")
        #expect(try await other.terminate() == 0)
    }

    @Test func saysThatItIsAliveForAsLongAsItIs() async throws {
        let service = try await start(in: try CountersignProcess.prepare(Settings()), watchdog: 1_000_000)
        var count = 0
        try await eventually("it says so again and again", within: .seconds(15)) {
            if socket.next() == "WATCHDOG=1" { count += 1 }
            return count == 4
        }
        service.signal(SIGSTOP)
        try await eventually("it has stopped") { try stateOf(service).hasPrefix("T") }
        _ = socket.all()
        service.signal(SIGCONT)
        try await eventually("it says so once it goes on", within: .seconds(15)) { socket.next() == "WATCHDOG=1" }
        #expect(try await service.terminate() == 0)
    }

    private func stateOf(_ service: CountersignProcess) throws -> String {
        let stat = try String(contentsOfFile: "/proc/\(service.identifier)/stat", encoding: .utf8)
        return String(stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].dropFirst(2))
    }

    private func monotonicMicroseconds() throws -> Int64 {
        var time = timespec()
        try #require(clock_gettime(CLOCK_MONOTONIC, &time) == 0)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
