import Foundation
import TestSupport
import Testing
import TokenExchange

/// One client, or a few, that misuse connections: everybody else is served as if they were not there.
@Suite struct ConnectionFloodTests {
    /// Logs in on a connection of its own.
    private static func login(_ service: CountersignProcess, from lastByte: UInt8 = 1) throws -> Int {
        let connection = try HTTPConnection(port: service.publicPort, from: lastByte)
        try connection.login(try ModelToken.fresh(), "till-1", "vip-loyalty")
        return try connection.answer().status
    }

    private static func metrics(_ service: CountersignProcess) throws -> String {
        try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
    }

    @Test(arguments: ConnectionFlood.Manner.allCases)
    func servesOthersWhileConnectionsAreMisused(_ manner: ConnectionFlood.Manner) async throws {
        raiseOpenFileLimit()
        var settings = CountersignProcess.Settings()
        settings.limits = "{ requests_per_second: 0, connections: 200, request_timeout: 1s }"
        let service = try await CountersignProcess.start(settings)
        #expect(try Self.login(service) == 200)
        let before = try service.peakMemory()
        let flood = ConnectionFlood(manner, port: service.publicPort, connections: 300)
        for _ in 0..<10 {
            #expect(try Self.login(service) == 200)
            #expect(try HTTPConnection(port: service.operationsPort).request("GET", "/livez").status == 200)
        }
        // Of 200 connections each may cost what docs/connections.md says.
        #expect(try service.peakMemory() - before < 200 * 160 << 10)
        #expect(flood.openedCount >= 200 && service.isRunning)
    }

    /// From one address as well: who waits for nothing longer than a second gets in.
    @Test func servesAGoodClientOfTheSameSource() async throws {
        let service = try await CountersignProcess.start()
        let flood = ConnectionFlood(.idle, port: service.publicPort, connections: 256, from: 1...1)
        try await eventually("there is a place") { (try? Self.login(service)) == 200 }
        withExtendedLifetime(flood) {}
    }

    /// However long it takes: the connections that are there are being answered, so none of them has to give up its place.
    @Test func turnsAwayConnectionsBeyondThoseOfASource() async throws {
        let fake = try await FakeUpstream.start()
        let service = try await UpstreamScene.start(
            UpstreamScene.patient("points", fake), limits: "{ requests_per_second: 0, connections_per_source: 4 }")[0]
        fake.hold()
        let first = try (0..<4).map { number in
            let connection = try HTTPConnection(port: service.publicPort, from: 9)
            try connection.login(ModelToken.fresh(), "till-\(number)", "points")
            return connection
        }
        try await eventually("four connections are being answered") {
            try Self.metrics(service).contains(#"countersign_connections{listener="public",state="answering"} 4.0"#)
        }
        #expect(try HTTPConnection(port: service.publicPort, from: 9).isClosed())
        fake.release()
        for connection in first { #expect(try connection.answer().status == 200) }
        #expect(try HTTPConnection(port: service.publicPort).request("GET", "/.well-known/jwks.json").status == 200)
        let metrics = try Self.metrics(service)
        #expect(metrics.contains(#"countersign_connections_refused_total{limit="source",listener="public"} 1"#))
        try await fake.stop()
    }

    @Test func countsNoConnectionsOfTrustedProxiesPerSource() async throws {
        var settings = CountersignProcess.Settings()
        settings.limits = "{ requests_per_second: 0, connections_per_source: 1 }"
        settings.listenMore = ", trusted_proxies: [127.0.0.9]"
        let service = try await CountersignProcess.start(settings)
        let connections = try (0..<10).map { _ in try HTTPConnection(port: service.publicPort, from: 9) }
        for connection in connections {
            #expect(try connection.request("GET", "/.well-known/jwks.json").status == 200)
        }
    }

    /// Each is told, and none is held.
    @Test func closesAtOnceWhatSpeaksNoHTTP() async throws {
        let service = try await CountersignProcess.start()
        let connections = try (0..<200).map { _ in
            let connection = try HTTPConnection(port: service.publicPort, from: 9)
            try connection.send([1, 2, 3, 4, 5])
            return connection
        }
        for connection in connections { #expect(try connection.answer().status == 400 && connection.isClosed()) }
        #expect(try Self.metrics(service).contains(#"countersign_connections{listener="public",state="waiting"} 0.0"#))
        #expect(try Self.metrics(service).contains(#"closed_total{listener="public",reason="refused"} 200"#))
    }

    /// The head's bytes are counted as they come, not once it is whole.
    @Test func endsAHeadWithoutEndBeforeItCostsMemory() async throws {
        let service = try await CountersignProcess.start()
        let before = try service.peakMemory()
        for text in [
            "GET / HTTP/1.1\r\nX:", "POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX:",
        ] {
            let connection = try service.connect()
            try connection.send(text)
            let blanks = [UInt8](repeating: 0x20, count: 4096)
            var sent = 0
            try await eventually("it is closed", within: .seconds(20)) {
                do { try connection.send(blanks) } catch { return true }
                sent += blanks.count
                return sent > 100 << 20
            }
            #expect(sent < 10 << 20)
        }
        #expect(try service.peakMemory() - before < 8 << 20)
        #expect(service.log.contains(#""reason":"head_too_large""#))
    }

    /// At the limit that most systems start processes with, and at about the lowest that it starts with.
    @Test(arguments: [140, 1024])
    func survivesMoreConnectionsThanItMayOpenFiles(_ openFiles: Int) async throws {
        raiseOpenFileLimit()
        let service = try await CountersignProcess.start(openFiles: openFiles)
        let flood = ConnectionFlood(.idle, port: service.publicPort, connections: 1100)
        for _ in 0..<10 {
            #expect(try Self.login(service) == 200)
            #expect(try HTTPConnection(port: service.operationsPort).request("GET", "/livez").status == 200)
            #expect(try service.openFiles() < openFiles - 16, "a reserve is left")
        }
        #expect(service.log.contains("leaves room for") && service.isRunning)
        withExtendedLifetime(flood) {}
        #expect(try await service.terminate() == 0)
    }

    @Test func saysWhichLimitOfOpenFilesItNeeds() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let file = "\(folder.path)/countersign.yaml"
        for command in ["serve", "check-config"] {
            let result = try await CountersignProcess.run(
                "/bin/sh", ["-c", "ulimit -n 60; exec \(CountersignProcess.program) \(command) --config \(file)"])
            #expect(result.status == 1)
            #expect(
                result.output.contains("expected a limit of at least") && result.output.contains("found 60; raise it"))
        }
        let small = try await CountersignProcess.run(
            "/bin/sh", ["-c", "ulimit -n 1024; exec \(CountersignProcess.program) check-config --config \(file)"])
        #expect(small.status == 0 && small.output.contains("note: limits.connections is 4096, but a limit of 1024"))
    }

    @Test func raisesTheLimitOfOpenFilesAsFarAsItMay() async throws {
        let service = try await CountersignProcess.start(openFiles: 1024, atMost: 4000)
        let limits = try String(contentsOfFile: "/proc/\(service.identifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        #expect(line.split(separator: " ").dropFirst(3).first == "4000")
    }
}
