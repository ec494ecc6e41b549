import Outbound
import TestSupport
import Testing

/// What becomes of connections between calls, and of calls when a connection ends.
@Suite struct KeptConnectionTests {
    /// Answers the first request of each connection, and treats the second otherwise.
    private static func server(_ second: ByteServer.Step...) async throws -> ByteServer {
        try await ByteServer.start { _, request in request == 0 ? [.json("{}")] : second }
    }

    @Test(arguments: [ByteServer.Step.close, .reset])
    func asksOnceMoreOverANewConnectionIfTheKeptOneClosesUnanswered(end: ByteServer.Step) async throws {
        let server = try await Self.server(end)
        let client = try Client()
        for _ in 0..<4 { #expect(try await client.text(server.url) == "{}") }
        #expect(server.connectionCount == 4 && server.requestCount == 7)
        try await server.stop()
    }

    @Test(arguments: [ByteServer.Step.close, .reset])
    func asksOnceMoreIfAConnectionOfHTTP2ClosesUnanswered(end: ByteServer.Step) async throws {
        let certificate = try TestCertificate()
        let server = try await ByteServer.start(certificate: certificate, isHTTP2: true) { _, request in
            request == 0 ? [.frame(.settings), .frame(.ok(stream: 1))] : [end]
        }
        let client = try Client(trusting: certificate)
        for _ in 0..<3 { #expect(try await client.text(server.url) == "{}") }
        #expect(await client.fault(server.url, method: "POST", body: "{}")?.kind == .stale)
        #expect(server.connectionCount == 3 && server.requestCount == 6)
        try await server.stop()
    }

    @Test func asksOnceMoreIfTheCallerSaysThatItDoesNoHarm() async throws {
        let server = try await Self.server(.close)
        let client = try Client()
        for _ in 0..<4 {
            #expect(try await client.text(server.url, method: "POST", body: "{}", isIdempotent: true) == "{}")
        }
        #expect(server.requestCount == 7)
        try await server.stop()
    }

    @Test func neverSendsTwiceWhatMayHaveBeenActedUpon() async throws {
        let server = try await Self.server(.close)
        let client = try Client()
        _ = try await client.text(server.url, method: "POST", body: "{}")
        let fault = await client.fault(server.url, method: "POST", body: "{}")
        #expect(fault == OutboundFault(.stale, "connection closed early"))
        #expect(server.connectionCount == 1 && server.requestCount == 2)
        // The next one does not find the same connection.
        #expect(await client.fault(server.url, method: "POST", body: "{}") == nil)
        try await server.stop()
    }

    @Test func asksOnceMoreOnly() async throws {
        let server = try await ByteServer.start { connection, _ in connection == 0 ? [.json("{}")] : [.close] }
        let other = try await Self.server(.close)
        let client = try Client()
        #expect(await client.fault(server.url) == nil)
        #expect(await client.fault(server.url) == nil, "kept, and answered again")
        try await server.stop()
        let fresh = try await ByteServer.start { _, _ in [.close] }
        #expect(await client.fault(fresh.url) == OutboundFault(.unanswered, "connection closed early"))
        #expect(fresh.requestCount == 1)
        try await fresh.stop()
        try await other.stop()
    }

    @Test func asksNotOnceMoreIfAnAnswerHadBegun() async throws {
        let server = try await Self.server(.send("HTTP/1.1 2"), .close)
        let client = try Client()
        _ = try await client.text(server.url)
        #expect(await client.fault(server.url) == OutboundFault(.broken, "connection closed early"))
        #expect(server.connectionCount == 1 && server.requestCount == 2)
        try await server.stop()
    }

    @Test func sendsWhatAStreamOfHTTP2RefusedOverANewConnection() async throws {
        let certificate = try TestCertificate()
        // On the first connection, the second stream is refused by a GOAWAY that names the first as the last one.
        let server = try await ByteServer.start(certificate: certificate, isHTTP2: true) { connection, request in
            let settings: [ByteServer.Step] = request == 0 ? [.frame(.settings)] : []
            if connection == 0, request == 1 { return [.frame(.goAway(last: 1))] }
            return settings + [.frame(.ok(stream: UInt8(1 + 2 * request)))]
        }
        let client = try Client(trusting: certificate)
        for _ in 0..<2 {
            let fault = await client.fault(server.url, method: "POST", body: "{}")
            #expect(fault == nil)
        }
        #expect(server.connectionCount == 2)
        try await server.stop()
    }

    @Test func closesAConnectionThatIsIdleForTooLong() async throws {
        let server = try await FakeUpstream.start()
        let client = try Client(idleTime: .milliseconds(100))
        _ = try await client.text(server.url)
        #expect(server.openConnectionCount == 1)
        try await eventually("the idle connection is closed") { server.openConnectionCount == 0 }
        _ = try await client.text(server.url)
        #expect(server.connectionCount == 2)
        try await server.stop()
    }

    @Test func keepsAConnectionNoLongerThanConfiguredWhateverTheServerSays() async throws {
        let server = try await FakeUpstream.start(.body("{}", headers: ["Keep-Alive": "timeout=60"]))
        let client = try Client(idleTime: .milliseconds(100))
        _ = try await client.text(server.url)
        try await eventually("the idle connection is closed") { server.openConnectionCount == 0 }
        try await server.stop()
    }

    /// Of a server that says how long it keeps one, a second less.
    @Test(arguments: [("timeout=1", 2), ("timeout=60, max=9", 1), ("timeout=x", 1), ("max=1", 1)])
    func closesAConnectionSoonerThanTheServerSaysThatItDoes(hint: String, connections: Int) async throws {
        let server = try await FakeUpstream.start(.body("{}", headers: ["Keep-Alive": hint]))
        let client = try Client()
        for _ in 0..<2 { _ = try await client.text(server.url) }
        #expect(server.connectionCount == connections)
        try await server.stop()
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 1),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", 3),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 3),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}", 1),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            1
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 408 Request Timeout\r\n\r\n", 3),
    ])
    func keepsAConnectionIfTheAnswerLetsIt(answer: String, connections: Int) async throws {
        let server = try await ByteServer.start { _, _ in [.send(answer)] }
        let client = try Client()
        for _ in 0..<3 {
            #expect(try await client.text(server.url) == "{}")
            // What comes after an answer may come later than it.
            if connections > 1 { try await eventually("the connection is closed") { server.openConnectionCount == 0 } }
        }
        #expect(server.connectionCount == connections)
        try await server.stop()
    }

    @Test func readsABodyThatEndsWithItsConnection() async throws {
        let server = try await ByteServer.start { _, _ in [.send("HTTP/1.1 200 OK\r\n\r\n{}"), .close] }
        #expect(try await Client().text(server.url) == "{}")
        try await server.stop()
    }

    @Test func leavesADeadConnectionOfHTTP2ToThoseWhoWaitOnIt() async throws {
        let certificate = try TestCertificate()
        let server = try await FakeUpstream.start(.silence, certificate: certificate, offersHTTP2: true)
        let client = try Client(trusting: certificate)
        let fault = await client.fault(server.url, within: .milliseconds(200))
        #expect(fault == OutboundFault(.timedOut, "timed out: no whole answer within 200ms"))
        server.set(.freshToken())
        #expect(await client.fault(server.url) == nil)
        #expect(server.connectionCount == 2)
        try await server.stop()
    }

    @Test func callsNobodyAnyMoreOnceItIsShutDown() async throws {
        let server = try await FakeUpstream.start()
        let client = try Client()
        _ = try await client.text(server.url)
        client.client.shutDown()
        try await eventually("its connections are closed") { server.openConnectionCount == 0 }
        #expect(await client.fault(server.url) == OutboundFault(.notSent, "client is shut down"))
        #expect(server.requestCount == 1)
        try await server.stop()
    }
}
