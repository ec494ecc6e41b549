import CountersignService
import Foundation
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// The probe that a service makes of itself: when, and what it counts and logs.
@Suite struct ProbeServiceTests {
    private struct Scene {
        let service: ProbedService
        let registry = PrometheusRegistry([])
        let log = RecordedLog()

        init(_ instead: [ProbeStep: FakeHTTPServer.Answer] = [:], more: String = "") async throws {
            service = try await ProbedService.start(instead, more: more)
        }

        /// Runs it while `body` runs.
        func run(
            spread: Double = 1, current: (@Sendable () -> Prober?)? = nil, _ body: () async throws -> Void
        ) async throws {
            let prober = try service.prober()
            let probe = ProbeService(
                registry: registry, time: service.clock.time, logger: log.logger, spread: { spread },
                sleep: service.clock.sleep, current: current ?? { prober })
            let running = Task { await probe.run() }
            defer { running.cancel() }
            try await body()
        }

        /// Lets the time of one pause pass, and waits for the next one.
        func pass(_ pause: Duration) async throws {
            try await eventually("it waits") { service.clock.sleeperCount == 1 }
            service.clock.advance(by: pause)
            try await eventually("it waits again", within: .seconds(20)) { service.clock.sleeperCount == 1 }
        }

        func value(_ series: String) -> String? {
            registry.text.split(separator: "\n").first { $0.hasPrefix(series + " ") }
                .map { String($0.dropFirst(series.count + 1)) }
        }

        func steps(_ step: String, _ outcome: String) -> String? {
            value(#"countersign_probe_steps_total{outcome="\#(outcome)",step="\#(step)"}"#)
        }

        var probes: Int { service.requests.count { $0.uri == "/revoke" } }
    }

    @Test func probesAfterEachIntervalSpreadByChance() async throws {
        let scene = try await Scene(more: ", interval: 40s")
        try await scene.run(spread: 1.5) {
            try await eventually("it waits") { scene.service.clock.sleeperCount == 1 }
            scene.service.clock.advance(by: .seconds(59))
            #expect(scene.service.clock.sleeperCount == 1 && scene.service.requests.isEmpty, "it waits first")
            try await scene.pass(.seconds(1))
            #expect(scene.service.requests.count == 7)
            try await scene.pass(.seconds(60))
            #expect(scene.service.requests.count == 14)
        }
    }

    @Test func countsEachStepAndRemembersWhenItPassed() async throws {
        let scene = try await Scene()
        try await scene.run {
            try await eventually("it waits") { scene.service.clock.sleeperCount == 1 }
            #expect(scene.steps("expired", "accepted") == "0", "an alert sees the first one as a change")
            #expect(scene.steps("login", "accepted") == nil, "there is no such thing")
            #expect(scene.value(#"countersign_probe_last_success_timestamp_seconds{step="login"}"#) == nil)
            try await scene.pass(.seconds(60))
            let first = scene.service.clock.now.seconds
            scene.service.answer(.problem(503, "session_store_unavailable"), at: .login)
            try await scene.pass(.seconds(60))
            for step in ProbeStep.allCases {
                let name = step.rawValue
                let isTried = ![ProbeStep.login, .introspection, .revocation, .revoked].contains(step)
                #expect(scene.steps(name, "pass") == (isTried ? "2" : "1"), "\(name)")
                #expect(scene.steps(name, "fail") == (step == .login ? "1" : "0"), "\(name)")
                #expect(scene.steps(name, "skipped") == (isTried || step == .login ? "0" : "1"), "\(name)")
                let count = scene.value(#"countersign_probe_duration_seconds_count{step="\#(name)"}"#)
                #expect(count == (isTried || step == .login ? "2" : "1"), "\(name)")
                let last = scene.value(#"countersign_probe_last_success_timestamp_seconds{step="\#(name)"}"#)
                #expect(last.flatMap(Double.init) == first + (isTried ? 60 : 0), "\(name)")
            }
        }
    }

    @Test func logsABreachLouderThanAFailureAndThatAllIsWellAgain() async throws {
        let scene = try await Scene([.login: .status(503)])
        try await scene.run {
            try await scene.pass(.seconds(60))
            scene.service.answer(nil, at: .login)
            scene.service.answer(.body(#"{"external_identity":"csx_MARKER"}"#), at: .wrongKind)
            try await scene.pass(.seconds(60))
            scene.service.answer(nil, at: .wrongKind)
            try await scene.pass(.seconds(60))
            try await scene.pass(.seconds(60))
        }
        #expect(
            scene.log.lines == [
                "warning: probe: failed problem=expected 200 with an external identity, found 503 step=login",
                "critical: probe: what must be refused is accepted problem=expected token_kind_not_allowed, found an external identity step=wrong_kind",
                "notice: probe: all steps pass again",
            ])
        #expect(scene.steps("wrong_kind", "accepted") == "1")
    }

    @Test func beginsWithAReloadThatBringsAProbe() async throws {
        let scene = try await Scene()
        let prober = try scene.service.prober()
        let isThere = Mutex(false)
        let current: @Sendable () -> Prober? = { isThere.withLock(\.self) ? prober : nil }
        try await scene.run(current: current) {
            try await scene.pass(.seconds(60))
            #expect(scene.registry.text.isEmpty && scene.service.requests.isEmpty)
            isThere.withLock { $0 = true }
            try await scene.pass(.seconds(60))
            try await scene.pass(.seconds(60))
            #expect(scene.steps("login", "pass") != nil && scene.probes >= 1)
            isThere.withLock { $0 = false }
            let count = scene.probes
            try await scene.pass(.seconds(60))
            try await scene.pass(.seconds(60))
            #expect(scene.probes == count)
        }
    }
}
