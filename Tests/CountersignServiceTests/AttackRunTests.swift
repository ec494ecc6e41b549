import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// `countersign attack` against services that are careless in one way.
@Suite struct AttackRunTests {
    /// What a service does with the claims and the header of a token, if it does not refuse it with 401.
    private typealias Carelessness = @Sendable (_ header: JSONValue, _ token: String) -> FakeHTTPServer.Answer?

    private final class Service: Sendable {
        let server: FakeHTTPServer
        private let reference: Reference

        private final class Reference: Sendable {
            let server = Mutex<FakeHTTPServer?>(nil)
        }

        init(_ carelessness: @escaping Carelessness) async throws {
            let reference = Reference()
            self.reference = reference
            let answer = FakeHTTPServer.Answer.made {
                let body = reference.server.withLock { $0?.requests.last?.body } ?? ""
                let token = (try? JSONValue(parsing: Array(body.utf8)))?["identity"]?.string.map { String($0) } ?? ""
                let segment = Base64URL.decode(Array(token.utf8.prefix { $0 != UInt8(ascii: ".") })) ?? []
                let header = (try? JSONValue(parsing: segment)) ?? .null
                return carelessness(header, token) ?? .refused
            }
            server = try await FakeCallback.start(answer)
            reference.server.withLock { $0 = server }
        }

        deinit {
            let server = server
            Task { try await server.stop() }
        }
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var text: String { lines.withLock { $0.joined(separator: "\n") } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    /// Runs the attack at a clock that moves only when the attack waits.
    private func attack(
        _ url: String, _ configuration: Configuration? = nil, clock: ManualClock = ManualClock(),
        _ change: (inout AttackRun.Options) -> Void = { _ in }
    ) async throws -> (isWell: Bool, text: String) {
        var options = AttackRun.Options(url: url)
        change(&options)
        let run = try AttackRun(options, configuration, time: clock.time) { clock.advance(by: $0) }
        let lines = Lines()
        let isWell = try await run { lines.add($0) }
        return (isWell, lines.text)
    }

    @Test func namesTheAttacksThatACarelessServiceAccepts() async throws {
        let service = try await Service { header, token in
            header["alg"]?.string?.lowercasedASCII == "none" && token.split(separator: ".").count == 2 ? .accepted : nil
        }
        let (isWell, text) = try await attack(service.server.url)
        #expect(!isWell)
        let accepted = text.split(separator: "\n").filter { $0.hasPrefix("ACCEPTED  200") }
        #expect(accepted.contains { $0.hasSuffix("  none-lower-case-without-signature") })
        #expect((4...30).contains(accepted.count), "\(accepted)")
        #expect(
            text.contains(
                "ACCEPTED none-lower-case-without-signature (threat 1): RFC 8725 §3.1: an unsecured JWS is never accepted"
            ))
        #expect(
            text.contains(
                " attacks: \(service.server.requestCount - 1 - accepted.count) refused, \(accepted.count) accepted"))
    }

    @Test func isContentWithAServiceThatRefusesForgedTokens() async throws {
        let service = try await Service { _, _ in nil }
        let clock = ManualClock()
        let (isWell, text) = try await attack(service.server.url, clock: clock) { $0.rate = 4 }
        #expect(isWell && text.contains("There is no development key, so all tokens were forged"))
        #expect(service.server.requestCount > 500)
        let quarters = clock.time.elapsed() / .milliseconds(250)
        #expect(Int(quarters) == service.server.requestCount, "four in a second")
        for request in service.server.requests { #expect(!text.contains(request.body.dropFirst(45).prefix(40))) }
    }

    @Test func countsAFailureAsNoRefusal() async throws {
        let service = try await Service { header, _ in
            header["crit"] != nil ? .whole(status: 500, headers: [:], body: []) : nil
        }
        let (isWell, text) = try await attack(service.server.url)
        #expect(!isWell && text.contains("(threat 5): the service answered 500"))
    }

    @Test func waitsForAServiceThatBarsIt() async throws {
        let barred = FakeHTTPServer.Answer.whole(status: 429, headers: ["Retry-After": "7"], body: [])
        let degraded = FakeHTTPServer.Answer.whole(
            status: 200, headers: ["Countersign-Degraded": "rate_limited"],
            body: Array(#"{"external_identity":null}"#.utf8))
        let service = try await Service { _, _ in nil }
        service.server.answerNext(.refused, barred, degraded)
        let clock = ManualClock()
        let isWell = try await attack(service.server.url, clock: clock) { $0.rate = 1000 }.isWell
        #expect(isWell)
        let waits = Duration.seconds(8) + .milliseconds(service.server.requestCount - 2)
        #expect(clock.time.elapsed() == waits)
    }

    @Test(arguments: [
        (404, "expected a callback, found one that answered 404, as if there were no callback"),
        (302, "expected a callback, found one that answered 302"),
        (429, "it bars this machine (429)"),
        (200, "answered 200 without a member external_identity"),
    ])
    func sendsNothingMoreToWhatIsNoCallback(status: Int, what: String) async throws {
        let service = try await Service { _, _ in .whole(status: status, headers: [:], body: Array("hello".utf8)) }
        let error = await #expect(throws: StartUpError.self) { try await attack(service.server.url) }
        #expect(error.text.contains(what), "\(error.text)")
        #expect(service.server.requestCount <= 5)
    }

    @Test(arguments: [
        "https://identity.acme.example", "http://10.0.0.1/post_login_callback/x", "http://127.0.0.1.acme.example/x",
        "http://[::2]/x", "http://localhost.acme.example:8080/",
    ])
    func leavesOtherMachinesAloneUntilToldWhoseTheyAre(url: String) async throws {
        let error = await #expect(throws: StartUpError.self) { try await attack(url) }
        #expect(error.text.contains("say so by --i-own-this-service"))
    }

    @Test func attacksAnotherMachineThatIsOnesOwn() throws {
        var options = AttackRun.Options(url: "https://identity.acme.example")
        options.isOwn = true
        #expect(throws: Never.self) { try AttackRun(options, nil, time: .machine) }
    }

    @Test(arguments: ["", "127.0.0.1:8080", "http://acme@127.0.0.1/x", "http://127.0.0.1/x?y", "ftp://127.0.0.1/"])
    func takesNothingButAURL(url: String) async throws {
        let error = await #expect(throws: StartUpError.self) { try await attack(url) { $0.isOwn = true } }
        #expect(error.text.hasPrefix("expected the URL of a callback"))
    }

    @Test func completesAURLWithoutAPath() async throws {
        let service = try await Service { _, _ in nil }
        let origin = service.server.url.replacing("/post_login_callback/vip-loyalty", with: "")
        #expect(try await attack(origin) { $0.provider = "vip-loyalty" }.isWell)
        #expect(service.server.requests.allSatisfy { $0.uri == "/post_login_callback/vip-loyalty" })
    }
}

extension FakeHTTPServer.Answer {
    fileprivate static let refused = Self.whole(
        status: 401, headers: [:], body: Array(#"{"error_code":"token_rejected"}"#.utf8))
    fileprivate static let accepted = Self.whole(
        status: 200, headers: [:], body: Array(#"{"external_identity":"yes"}"#.utf8))
}
