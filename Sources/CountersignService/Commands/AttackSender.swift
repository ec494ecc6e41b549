import NIOSSL
import Outbound
import ServiceConfiguration
import TokenExchange

/// Sends tokens to a callback, one after another and not too fast.
struct AttackSender: Sendable {
    private let url: String
    private let client: OutboundClient
    private let time: TimeSource
    private let interval: Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    /// Of one answer.
    private static let patience: Duration = .seconds(10)
    /// How often a token is sent to a service that bars us for a while.
    private static let attempts = 5
    /// A service that wants us to wait for longer is asked again all the same.
    private static let longestWait: Int64 = 30

    /// - Parameters:
    ///   - settings: the way to other servers; nil for the direct one.
    ///   - rate: how many tokens are sent in a second, at most.
    init(
        _ target: AttackTarget, _ settings: OutboundSettings?, rate: Int, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) throws {
        url = target.url
        client = OutboundClient(
            settings.map { OutboundTransport($0, for: [target.url]) } ?? OutboundTransport(),
            tls: try OutboundClient.context(.makeClientConfiguration()), bodyBytes: 65_536)
        interval = .seconds(1) / rate
        self.time = time
        self.sleep = sleep
    }

    /// To be called at the end.
    func shutDown() { client.shutDown() }

    /// - Parameter token: made again for each attempt, since it may not live for long.
    func verdict(on token: () throws -> [UInt8]) async throws -> AttackVerdict {
        for _ in 0..<Self.attempts {
            let begin = time.elapsed()
            let request = OutboundRequest(
                "POST", url, headers: [("Content-Type", "application/json"), ("Accept", "application/json")],
                body: body(try token()), isIdempotent: true)
            let verdict: AttackVerdict
            var wait = interval
            do throws(OutboundFault) {
                let answer = try await client.answer(to: request, within: Self.patience)
                verdict = AttackVerdict(
                    status: answer.status, body: answer.body, degraded: answer.header("Countersign-Degraded"))
                if verdict == .limited {
                    let seconds = answer.header("Retry-After").flatMap { Int64($0) } ?? 1
                    wait = .seconds(min(max(seconds, 1), Self.longestWait))
                }
            } catch {
                verdict = .failed("gave no answer: \(error.cause)")
            }
            let rest = wait - (time.elapsed() - begin)
            if rest > .zero { try await sleep(rest) }
            if verdict != .limited { return verdict }
        }
        return .limited
    }

    private func body(_ token: [UInt8]) -> [UInt8] {
        // As a client would write it that knows only text.
        let identity = JSONValue.string(String(decoding: token, as: UTF8.self))
        return JSONValue.object([.init("deviceId", .string("countersign-attack")), .init("identity", identity)]).text
    }
}
