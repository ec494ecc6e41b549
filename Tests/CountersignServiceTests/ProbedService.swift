import CountersignHTTP
import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import Synchronization
import TestSupport
import TokenExchange

/// A service that does what it should, except at the steps of a probe for which it is told otherwise; and its prober.
final class ProbedService: Sendable {
    let clock = ManualClock()
    let folder: TemporaryFolder
    private let verifier: any TokenVerifier
    private let instead: Mutex<[ProbeStep: FakeHTTPServer.Answer]>
    private let isRevoked = Mutex(false)
    private let server = Mutex<FakeHTTPServer?>(nil)

    static func start(_ instead: [ProbeStep: FakeHTTPServer.Answer] = [:], more: String = "") async throws
        -> ProbedService
    {
        let service = try ProbedService(instead, more: more)
        let server = try await FakeCountersign.start(.made { [weak service] in service?.answer() ?? .status(500) })
        service.server.withLock { $0 = server }
        return service
    }

    private init(_ instead: [ProbeStep: FakeHTTPServer.Answer], more: String) throws {
        self.instead = Mutex(instead)
        folder = try CountersignProcess.prepareProbed(more: more)
        verifier = try OpenSSLTokenSigner(privateKeyFile: "\(folder.path)/probe.key", algorithm: .es256).verifier
    }

    deinit {
        let server = server.withLock(\.self)
        Task { try await server?.stop() }
    }

    func answer(_ answer: FakeHTTPServer.Answer?, at step: ProbeStep) { instead.withLock { $0[step] = answer } }

    var url: String { server.withLock { $0?.url ?? "" } }
    var requests: [FakeHTTPServer.Request] { server.withLock { $0?.requests ?? [] } }

    func prober() throws -> Prober? {
        let configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        return try Prober(configuration, at: url, time: clock.time)
    }

    func report() async throws -> ProbeReport? { try await prober()?.report() }

    // MARK: What it answers

    private func answer() -> FakeHTTPServer.Answer {
        guard let request = requests.last, let step = step(of: request) else { return .status(500) }
        if step == .login { isRevoked.withLock { $0 = false } }
        if let answer = instead.withLock({ $0[step] }) { return answer }
        switch step {
        case .login: return .body(#"{"external_identity":"csx_MARKER.identity"}"#)
        case .introspection: return .body(Self.active)
        case .revocation:
            isRevoked.withLock { $0 = true }
            return .body("")
        case .revoked: return .body(#"{"active":false}"#)
        case .expired: return .problem(401, "token_expired")
        case .badSignature: return .problem(401, "token_rejected")
        case .wrongKind: return .problem(403, "token_kind_not_allowed")
        }
    }

    static let active = #"{"active":true,"sub":"countersign-probe","identity_provider":"probe"}"#

    private func step(of request: FakeHTTPServer.Request) -> ProbeStep? {
        switch request.uri {
        case "/post_login_callback/probe": step(ofToken: request.body)
        case "/introspect" where request.header("Authorization") == CountersignProcess.probeVerifier.basic:
            isRevoked.withLock(\.self) ? .revoked : .introspection
        case "/revoke" where request.body == "token=csx_MARKER.identity": .revocation
        default: nil
        }
    }

    private func step(ofToken body: String) -> ProbeStep? {
        let token = (try? JSONValue(parsing: Array(body.utf8)))?["identity"]?.string.map { String($0) } ?? ""
        let parts = token.split(separator: ".").map { Array($0.utf8) }
        guard parts.count == 3, let claims = Base64URL.decode(parts[1]).flatMap({ try? JSONValue(parsing: $0) }),
            let signature = Base64URL.decode(parts[2]), claims["iss"]?.string == "https://probe.acme.example"
        else { return nil }
        let input = parts[0] + [UInt8(ascii: ".")] + parts[1]
        let isGenuine = verifier.isValid(signature: signature, over: input, count: input.count)
        let isCurrent = (claims["exp"]?.number ?? 0) + 30 > clock.now.seconds
        switch (isGenuine, isCurrent, claims["typ"]?.string == "Bearer") {
        case (true, true, true): return .login
        case (false, true, true): return .badSignature
        case (true, false, true): return .expired
        case (true, true, false): return .wrongKind
        default: return nil
        }
    }
}

extension FakeHTTPServer.Answer {
    static func problem(_ status: Int, _ code: String) -> Self {
        .body(#"{"error_code":"\#(code)"}"#, status: status, contentType: "application/problem+json")
    }
}
