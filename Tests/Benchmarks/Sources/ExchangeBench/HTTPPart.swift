import CoreMetrics
import CountersignHTTP
import Foundation
import Synchronization
import TestSupport
import TokenExchange

/// A request of a login's size through a real listener, one after the other over one connection, answered with a login's
/// answer without looking at it. The client's own costs are left out, except what the kernel does for both.
enum HTTPPart {
    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let answer = Array(#"{"external_identity":""#.utf8) + login.minted.externalIdentity.bytes + Array(#""}"#.utf8)
        let body = Array(#"{"deviceId":"\#(login.device)","identity":""#.utf8) + login.token.bytes + Array(#""}"#.utf8)
        let head = [
            "POST /post_login_callback/\(login.provider.name) HTTP/1.1", "Host: identity.acme.example",
            "User-Agent: bench/1.0", "Accept: */*", "Content-Type: application/json", "Content-Length: \(body.count)",
        ]
        let request = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
        let port = Mutex(0)
        let listener = listener(FixedAnswer(body: answer)) { number in port.withLock { $0 = number } }
        let running = Task { try await listener.run() }
        try await eventually("it listens") { port.withLock { $0 } != 0 }
        let client = try BusyClient(port: port.withLock { $0 }, request, bodyCount: answer.count)
        try await bench.measureBatches(of: "HTTP: a login's request and answer, log line included") { count in
            try await onThread {
                let counters = ThreadCounters()
                let before = counters.cost
                try client.ask(count)
                return counters.cost - before
            }
        }
        await listener.drain(within: .zero)
        try await running.value
    }

    private static func listener(
        _ routes: FixedAnswer, onListening: @escaping @Sendable (Int) -> Void
    ) -> HTTPListener {
        let metrics = NOOPMetricsHandler.instance
        return HTTPListener(
            HTTPListener.Settings(host: "127.0.0.1", port: 0, limits: .init(connections: 10)),
            conductor: RequestConductor(
                routes: routes,
                sources: RequestSources(trustedProxies: IPNetworkSet([]), metrics: metrics, logger: LogPart.logger),
                time: .machine, observers: [RequestMetrics(factory: metrics), RequestLog(LogPart.Lines())]),
            admission: AdmissionControl(.init(requestsInProgress: 10, queueingTime: .milliseconds(100))),
            metrics: ConnectionMetrics(factory: metrics, listener: "public"), logger: LogPart.logger,
            onListening: onListening)
    }

    /// The client blocks a thread of its own.
    private static func onThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result(catching: work)) }.start()
        }
    }
}

/// Reads every body, and answers the same.
private struct FixedAnswer: Routes {
    let body: [UInt8]

    func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        do { _ = try await request.collectBody(upTo: 32_768) } catch { throw Problem(error) }
        return .json(body)
    }

    func name(of path: ExactText) -> LabelValue { "callback" }
}

/// Asks the same over one connection, and allocates no more than one buffer however often it does.
private struct BusyClient: Sendable {
    private static let endOfHead = Array("\r\n\r\n".utf8)
    private static let success = Array("HTTP/1.1 200 ".utf8)

    private let socket: LoopbackSocket
    private let request: [UInt8]
    private let bodyCount: Int

    /// - Parameter bodyCount: of every answer, in bytes.
    init(port: Int, _ request: [UInt8], bodyCount: Int) throws {
        self.request = request
        self.bodyCount = bodyCount
        socket = try LoopbackSocket()
        try socket.connect(port: port)
    }

    func ask(_ count: Int) throws {
        try withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { answer in
            for _ in 0..<count {
                try socket.write(request)
                try readAnswer(into: answer)
            }
        }
    }

    private func readAnswer(into answer: UnsafeMutableRawBufferPointer) throws {
        var received = 0
        while !isWhole(UnsafeRawBufferPointer(rebasing: answer[..<received])) {
            let rest = UnsafeMutableRawBufferPointer(rebasing: answer[received...])
            let count = recv(socket.descriptor, rest.baseAddress, rest.count, 0)
            guard count > 0 else { throw ProgramFailure(description: "expected an answer, found none") }
            received += count
        }
        guard answer.starts(with: Self.success) else {
            let text = String(decoding: answer[..<received], as: UTF8.self)
            throw ProgramFailure(description: "expected status 200, found \(text)")
        }
    }

    /// Whether there is a body of the right length after a head.
    private func isWhole(_ answer: UnsafeRawBufferPointer) -> Bool {
        answer.dropLast(bodyCount).suffix(Self.endOfHead.count).elementsEqual(Self.endOfHead)
    }
}
