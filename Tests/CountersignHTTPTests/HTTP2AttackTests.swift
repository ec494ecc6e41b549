import CountersignHTTP
import MetricsTestKit
import TestSupport
import Testing
import TokenExchange

/// Clients that send frames of HTTP/2 to wear the service down. Each loses its connection, or just what it asked for;
/// others are served as before.
@Suite struct HTTP2AttackTests {
    private typealias Scene = HTTP2ListenerTests

    /// `ENHANCE_YOUR_CALM`, unless the client's own flood kept it from reading it.
    private static func isCalmed(_ code: UInt32?) -> Bool { code == nil || code == 11 }

    /// Runs an attack, and asks for another client before and after.
    private static func attack(
        requestTimeout: Duration = .seconds(60), idleTimeout: Duration = .seconds(75),
        http2: HTTP2Limits = HTTP2Limits(), metrics: TestMetrics = TestMetrics(),
        _ body: (HTTP2Client, SceneRoutes, HTTPListener) async throws -> Void
    ) async throws {
        try await Scene.running(
            requestTimeout: requestTimeout, idleTimeout: idleTimeout, http2: http2, metrics: metrics
        ) { listener, routes, port, certificate in
            let other = try await HTTP2Client.connect(port: port, trusting: certificate)
            try await other.send(.request(1, "/wait/other"))
            try await eventually("it is being answered") { routes.waitingPaths.contains("/wait/other") }
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            try await body(client, routes, listener)
            routes.go("/wait/other")
            #expect(try await other.answer(1).text == "/wait/other")
            try await other.send(.request(3, "/3"))
            #expect(try await other.answer(3).text == "/3")
        }
    }

    private static func streams(_ count: Int) -> [Int] { (0..<count).map { 2 * $0 + 1 } }

    /// CVE-2023-44487: requests that are reset at once.
    @Test func rapidResetIsEndedAndCausesNoWork() async throws {
        let metrics = TestMetrics()
        try await Self.attack(http2: HTTP2Limits(resetsPerMinute: 50), metrics: metrics) { client, routes, _ in
            for stream in Self.streams(500) {
                guard (try? await client.send(.request(stream, "/wait/\(stream)"), .reset(stream))) != nil else {
                    break
                }
            }
            let code = try await client.end()
            #expect(Self.isCalmed(code))
            #expect(routes.waitingPaths == ["/wait/other"], "nobody has begun to answer one")
        }
        try await ListenerScene.expectClosed(1, .protocolError, metrics)
    }

    /// The same more slowly: what has begun counts until it is done, though its stream is gone.
    @Test func resetRequestsCountUntilTheirWorkIsDone() async throws {
        try await Self.attack(http2: HTTP2Limits(streams: 3)) { client, routes, listener in
            for stream in [1, 3, 5] {
                try await client.send(.request(stream, "/wait/\(stream)"))
                try await eventually("it is being answered") { routes.waitingPaths.contains("/wait/\(stream)") }
                try await client.send(.reset(stream))
            }
            try await client.send(.request(7, "/7"))
            #expect(try await client.reset(7) == 7, "REFUSED_STREAM")
            try await client.close()
            try await eventually("its place is taken still") { listener.connectionCounts == (0, 2) }
            for stream in [1, 3, 5] { routes.go("/wait/\(stream)") }
            try await eventually("its place is free") { listener.connectionCounts == (0, 1) }
        }
    }

    @Test func resetsWithinTheLimitAreNothing() async throws {
        try await Self.attack(http2: HTTP2Limits(resetsPerMinute: 10)) { client, _, _ in
            for stream in Self.streams(10) { try await client.send(.request(stream, "/1"), .reset(stream)) }
            try await client.send(.request(21, "/21"))
            #expect(try await client.answer(21).text == "/21")
            try await client.send(.request(23, "/1"), .reset(23))
            let code = try await client.end()
            #expect(Self.isCalmed(code))
        }
    }

    /// CVE-2024-24549 and its kin: a head without end.
    @Test(arguments: [0, 1, 16_000])
    func continuationsWithoutEndAreEnded(bytes: Int) async throws {
        let metrics = TestMetrics()
        try await Self.attack(metrics: metrics) { client, _, _ in
            try await client.send(.request(1, "/1", endsHead: false))
            for _ in 0..<1000 {
                let part = bytes < 2 ? [] : HTTP2Bytes.field("x", String(repeating: "v", count: bytes))
                guard (try? await client.send(HTTP2Bytes(type: 9, stream: 1, part))) != nil else { break }
            }
            _ = try await client.end()
        }
        try await ListenerScene.expectClosed(1, .protocolError, metrics)
    }

    @Test(arguments: [
        ("SETTINGS", HTTP2Bytes.settings([3: 100])), ("PING", .ping),
        ("PRIORITY", HTTP2Bytes(type: 2, stream: 1, [0, 0, 0, 0, 1])), ("WINDOW_UPDATE", .windowUpdate(0, by: 1)),
        ("GOAWAY", HTTP2Bytes(type: 7, [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])), ("unknown", HTTP2Bytes(type: 0xEE, [])),
        ("PRIORITY_UPDATE", HTTP2Bytes(type: 0x10, [0, 0, 0, 1])),
    ])
    func framesThatBelongToNoRequestAreBounded(name: String, frame: HTTP2Bytes) async throws {
        let metrics = TestMetrics()
        try await Self.attack(http2: HTTP2Limits(controlFramesPerMinute: 50), metrics: metrics) { client, _, _ in
            // Our own settings and their acknowledgement count as well.
            if name != "GOAWAY" {
                try await client.send([HTTP2Bytes](repeating: frame, count: 45))
                try await client.send(.request(1, "/1"))
                #expect(try await client.answer(1).text == "/1", "\(name) below the limit")
            }
            try? await client.send([HTTP2Bytes](repeating: frame, count: 200))
            _ = try await client.end()
        }
        try await ListenerScene.expectClosed(1, .protocolError, metrics)
    }

    @Test func windowUpdatesOfManyRequestsAreNoFlood() async throws {
        try await Self.attack(http2: HTTP2Limits(controlFramesPerMinute: 10)) { client, _, _ in
            for stream in Self.streams(50) {
                try await client.send(
                    .request(stream, "/1"), .windowUpdate(0, by: 1), .windowUpdate(0, by: 1), .windowUpdate(0, by: 1))
                #expect(try await client.answer(stream).text == "/1")
            }
        }
    }

    @Test func emptyDataFramesAreEnded() async throws {
        try await Self.attack { client, _, _ in
            try await client.send(.request(1, "/body", method: "POST", endsStream: false))
            try? await client.send([HTTP2Bytes](repeating: .body(1, "", endsStream: false), count: 100))
            let code = try await client.end()
            #expect(Self.isCalmed(code))
        }
    }

    /// Half-open requests: each has its own time, and all of them share a buffer.
    @Test func requestsWhoseBodyDoesNotComeAreAnswered() async throws {
        try await Self.attack(requestTimeout: .milliseconds(300), idleTimeout: .milliseconds(1500)) { client, _, _ in
            for stream in [1, 3] {
                try await client.send(.request(stream, "/body", method: "POST", endsStream: false))
                try await client.send(.body(stream, "x", endsStream: false))
            }
            for stream in [1, 3] { #expect(try await client.answer(stream).status == 400) }
            #expect(try await client.end() == 0, "then it is idle")
        }
    }

    @Test func aHeadThatDoesNotEndEndsTheConnection() async throws {
        let metrics = TestMetrics()
        try await Self.attack(requestTimeout: .milliseconds(300), metrics: metrics) { client, _, _ in
            try await client.send(.request(1, "/1", endsHead: false))
            _ = try await client.end()
        }
        try await ListenerScene.expectClosed(1, .headTimeout, metrics)
    }

    @Test func requestsBeyondTheSharedBufferAreRefused() async throws {
        try await Self.attack(http2: HTTP2Limits(bufferBytes: 65_536)) { client, routes, _ in
            let large = String(repeating: "x", count: 15_000)
            for stream in [1, 3, 5, 7] {
                try await client.send(.request(stream, "/wait/\(stream)", method: "POST", endsStream: false))
                try await client.send(.body(stream, large, endsStream: false))
            }
            try await eventually("all four are there") { routes.waitingPaths.count == 5 }
            try await client.send(.request(9, "/wait/9", method: "POST", endsStream: false))
            try await client.send(.body(9, large, endsStream: false))
            #expect(try await client.reset(9) == 7, "REFUSED_STREAM")
            for stream in [1, 3, 5, 7, 9] { routes.go("/wait/\(stream)") }
            #expect(try await client.answer(7).text == "/wait/7")
            try await client.send(.request(11, "/11"))
            #expect(try await client.answer(11).text == "/11")
        }
    }

    /// A client that has confirmed the limit breaks the protocol by one more (RFC 9113 §5.1.2).
    @Test func oneRequestTooManyEndsTheConnection() async throws {
        try await Self.attack { client, routes, _ in
            try await client.send(Self.streams(100).map { .request($0, "/wait/\($0)") })
            try await eventually("all are being answered") { routes.waitingPaths.count == 101 }
            routes.go("/wait/1")
            #expect(try await client.answer(1).text == "/wait/1")
            try await client.send(.request(201, "/wait/201"))
            try await eventually("there is room for another") { routes.waitingPaths.contains("/wait/201") }
            try await client.send(.request(203, "/203"))
            #expect(try await client.end() == 1, "PROTOCOL_ERROR")
            for path in routes.waitingPaths where path != "/wait/other" { routes.go(path) }
        }
    }

    /// A client that never confirms how many it may send.
    @Test func theLimitHoldsBeforeItIsConfirmed() async throws {
        try await Scene.running(http2: HTTP2Limits(streams: 5)) { _, routes, port, certificate in
            let client = try await HTTP2Client.connect(
                port: port, trusting: certificate, acknowledgesSettings: false)
            try await client.send(Self.streams(20).map { .request($0, "/wait/\($0)") })
            #expect(try await client.reset(39) == 7)
            try await eventually("the others are refused") { client.resetCount == 15 }
            #expect(routes.waitingPaths.count == 5)
            for path in routes.waitingPaths { routes.go(path) }
        }
    }

    /// The window of every answer stays shut.
    @Test func answersThatNobodyTakesAreGivenUp() async throws {
        try await Self.attack(requestTimeout: .milliseconds(300)) { client, _, _ in
            try await client.send(.settings([4: 0]), .request(1, "/1"))
            #expect(try await client.reset(1) == 8, "CANCEL")
        }
    }

    @Test func answersThatNobodyTakesKeepOthersOfTheConnectionOut() async throws {
        try await Self.attack(http2: HTTP2Limits(bufferBytes: 250_000)) { client, _, _ in
            try await client.send(.settings([4: 0]))
            try await client.send(Self.streams(5).map { .request($0, "/large") })
            #expect(try await client.reset(9) == 7, "REFUSED_STREAM: three answers of 100 kB wait")
            #expect(client.endedCount == 0)
        }
    }

    /// Nothing is read while nothing is taken.
    @Test func aClientThatDoesNotReadLosesItsConnection() async throws {
        let metrics = TestMetrics()
        let limits = HTTP2Limits(bufferBytes: 16_777_216, controlFramesPerMinute: 10_000)
        try await Scene.running(requestTimeout: .seconds(1), http2: limits, metrics: metrics) {
            listener, _, port, certificate in
            // SETTINGS_INITIAL_WINDOW_SIZE, and the same for the connection.
            let client = try await HTTP2Client.connect(
                port: port, trusting: certificate, settings: [4: 0x7FFF_FFFF], receiveBuffer: 16_384)
            try await client.send(HTTP2Bytes(type: 8, [0x7F, 0, 0, 0]))
            try await client.stopReading()
            for stream in Self.streams(50) { try? await client.send(.request(stream, "/large")) }
            try await eventually("its time is up", within: .seconds(20)) {
                ListenerScene.closed(.writeTimeout, metrics) + ListenerScene.closed(.peer, metrics) == 1
            }
            #expect(listener.connectionCounts == (0, 0))
        }
    }

    /// A table of the client's making, and thousands of references to it: small on the wire, large when it is read.
    @Test func fieldsThatGrowWhenTheyAreReadAreBounded() async throws {
        try await Self.attack { client, _, _ in
            // Literal with indexing; then references to the first entry of the dynamic table (RFC 7541 §6).
            let name = "x-bomb"
            let value = [UInt8](repeating: UInt8(ascii: "v"), count: 3900)
            let entry = [0x40, UInt8(name.utf8.count)] + Array(name.utf8) + [0x7F, 0xBD, 0x1D] + value
            let good = HTTP2Bytes.request(1, "/1").bytes.dropFirst(9)
            try await client.send(
                HTTP2Bytes(type: 1, flags: 5, stream: 1, good + entry + [UInt8](repeating: 0xBE, count: 15)))
            #expect(try await client.answer(1).status == 431)
            try? await client.send(
                HTTP2Bytes(type: 1, flags: 5, stream: 3, good + [UInt8](repeating: 0xBE, count: 8000)))
            _ = try await client.end()
        }
    }

    @Test func bytesThatAreNoFramesEndTheConnection() async throws {
        let metrics = TestMetrics()
        try await Self.attack(metrics: metrics) { client, _, _ in
            // A frame for a stream that was never opened.
            try await client.send(.body(99, "x"))
            #expect(try await client.end() == 1, "PROTOCOL_ERROR")
        }
        try await ListenerScene.expectClosed(1, .protocolError, metrics)
    }
}
