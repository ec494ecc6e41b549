import CountersignHTTP
import Foundation
import Logging
import MetricsTestKit
import NIOCore
import NIOSSL
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// A listener with real sockets: how it ends whatever its clients do, and what it holds for one of them.
@Suite struct HTTPListenerTests {
    /// Idle, in the middle of a head, in the middle of a body, with an answer that never comes, with answers that nobody takes.
    @Test func endsInTimeWhateverItsClientsDo() async throws {
        try await ListenerScene.running { listener, routes, port in
            let texts = [
                "", "GET / HTTP/1.1\r\nHost:", ConnectionScene.post("/body", length: 5) + "hell",
                ConnectionScene.get("/wait"), String(repeating: ConnectionScene.get("/large"), count: 100),
            ]
            let clients = try texts.map { text in
                let client = try HTTPConnection(port: port)
                try client.send(text)
                return client
            }
            try await eventually("all are there") {
                let counts = listener.connectionCounts
                return counts.waiting + counts.answering == 5 && !routes.waitingPaths.isEmpty
            }
            let clock = ContinuousClock()
            let start = clock.now
            await listener.drain(within: .milliseconds(700))
            let duration = clock.now - start
            #expect(duration > .milliseconds(600), "some are never done")
            #expect(duration < .seconds(5))
            #expect(clients[0].isClosed() && clients[1].isClosed() && clients[3].isClosed())
            routes.go("/wait")
            #expect(throws: SocketFailure.self) { try HTTPConnection(port: port) }
        }
    }

    @Test func endsAtOnceWhenNobodyIsThere() async throws {
        try await ListenerScene.running { listener, _, port in
            let client = try HTTPConnection(port: port)
            #expect(try client.request("GET", "/1", headers: ["Connection": "close"]).status == 200)
            #expect(client.isClosed())
            let clock = ContinuousClock()
            let start = clock.now
            await listener.drain(within: .seconds(60))
            #expect(clock.now - start < .seconds(20))
        }
    }

    /// A request that is on its way while the listener is told to end is answered, and so is one that is being answered.
    @Test func answersWhatIsOnItsWayWhileItDrains() async throws {
        try await ListenerScene.running { listener, routes, port in
            let (idle, answering) = (try HTTPConnection(port: port), try HTTPConnection(port: port))
            #expect(try idle.request("GET", "/1").headers["connection"] == nil)
            try answering.send(ConnectionScene.get("/wait"))
            try await eventually("it is being answered") { !routes.waitingPaths.isEmpty }
            async let drained: Void = listener.drain(within: .seconds(60))
            try await eventually("it listens no more") { (try? HTTPConnection(port: port)) == nil }
            #expect(try idle.request("GET", "/2").status == 200)
            #expect(idle.isClosed())
            routes.go("/wait")
            #expect(try answering.answer().headers["connection"] == "close")
            await drained
        }
    }

    @Test func closesWhatDoesNotFinishItsHandshake() async throws {
        let certificate = try TestCertificate()
        let tls = try NIOSSLContext(configuration: try certificate.serverConfiguration)
        try await ListenerScene.running(requestTimeout: .milliseconds(300), tls: tls) { _, _, port in
            let silent = try HTTPConnection(port: port)
            let begun = try HTTPConnection(port: port)
            try begun.send([0x16, 0x03, 0x01])
            #expect(silent.isClosed() && begun.isClosed())
        }
    }

    /// What the kernel holds of answers that nobody takes is bounded, and forgotten with the connection.
    @Test func holdsLittleForAConnectionThatTakesNoAnswers() async throws {
        let metrics = TestMetrics()
        try await ListenerScene.running(requestTimeout: .seconds(1), metrics: metrics) { _, _, port in
            let deaf = try HTTPConnection(port: port, receiveBuffer: 16384)
            try deaf.send(String(repeating: ConnectionScene.get("/large"), count: 100))
            var most = 0
            try await eventually("its time is up") {
                most = max(most, Self.queuedBytes(port: port))
                return ListenerScene.closed(.writeTimeout, metrics) == 1
            }
            #expect(most > 0)
            #expect(most < 300_000, "of 10 MB")
            // At once: the kernel itself would do so two seconds later.
            try await eventually("they are forgotten", within: .seconds(1)) { Self.queuedBytes(port: port) == 0 }
            withExtendedLifetime(deaf) {}
        }
    }

    /// Answers that the kernel has taken whole outlive their connection, but not for long.
    @Test func hasTheKernelForgetAnswersThatNobodyTakes() async throws {
        let metrics = TestMetrics()
        try await ListenerScene.running(
            requestTimeout: .milliseconds(500), idleTimeout: .milliseconds(200), metrics: metrics
        ) { _, _, port in
            let deaf = try HTTPConnection(port: port, receiveBuffer: 4096)
            let path = "/" + String(repeating: "x", count: 12_000)
            try deaf.send(String(repeating: ConnectionScene.get(path), count: 4))
            try await eventually("it is idle for too long") { ListenerScene.closed(.idleTimeout, metrics) == 1 }
            #expect(Self.queuedBytes(port: port) > 0)
            try await eventually("the kernel has forgotten them", within: .seconds(20)) {
                Self.queuedBytes(port: port) == 0
            }
            withExtendedLifetime(deaf) {}
        }
    }

    // MARK: - The peer's end

    /// The end of what it sends may be found in the same turn in which its last request is answered.
    @Test func answersTheRequestsOfAClientThatClosesItsSideAtOnce() async throws {
        try await ListenerScene.running { _, _, port in
            for _ in 0..<20 {
                let client = try HTTPConnection(port: port)
                try client.send(
                    ConnectionScene.get("/1") + ConnectionScene.get("/2", "Connection: close\r\n"))
                client.closeOutput()
                #expect(try client.answer().text == "/1" && client.answer().text == "/2" && client.isClosed())
            }
        }
    }

    /// It closes after an answer that it was told is the last.
    @Test func tellsAnEndInOrderFromAPeerThatLeaves() async throws {
        let metrics = TestMetrics()
        try await ListenerScene.running(metrics: metrics) { _, _, port in
            for (text, reason) in [
                (ConnectionScene.post("/body", length: 11), CloseReason.answered),
                ("GET / HTTP/1.1\r\nX y\r\n", .refused), (ConnectionScene.get("/1"), .peer),
            ] {
                let client = try HTTPConnection(port: port)
                try client.send(text)
                _ = try client.answer()
                client.closeOutput()
                try await eventually("it ends: \(reason)") { ListenerScene.closed(reason, metrics) == 1 }
            }
        }
    }

    @Test func countsAHandshakeThatFails() async throws {
        let (metrics, certificate) = (TestMetrics(), try TestCertificate())
        let tls = try NIOSSLContext(configuration: try certificate.serverConfiguration)
        try await ListenerScene.running(tls: tls, metrics: metrics) { _, _, port in
            let client = try HTTPConnection(port: port)
            try client.send(ConnectionScene.get("/"))
            try await eventually("it is closed") { ListenerScene.closed(.handshakeFailed, metrics) == 1 }
            withExtendedLifetime(client) {}
        }
    }

    /// Bytes that the kernel holds for peers that do not take them (`/proc/net/tcp`).
    private static func queuedBytes(port: Int) -> Int {
        let hexadecimal = String(port, radix: 16, uppercase: true)
        let local = ":" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
        var bytes = 0
        for line in connectionsOfKernel().split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 4, words[1].hasSuffix(local), words[3] != "0A" else { continue }
            bytes += Int(words[4].prefix(8), radix: 16) ?? 0
        }
        return bytes
    }

    /// Foundation takes the first pages of such a file for all of it.
    private static func connectionsOfKernel() -> String {
        let descriptor = open("/proc/net/tcp", O_RDONLY)
        defer { close(descriptor) }
        var (text, part) = ([UInt8](), [UInt8](repeating: 0, count: 65536))
        while case let count = read(descriptor, &part, part.count), count > 0 { text += part.prefix(count) }
        return String(decoding: text, as: UTF8.self)
    }
}
