import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What the commands `countersign sessions …` and `countersign upstream try` say before they reach a server.
@Suite struct SessionCommandTests {
    private let clock = ManualClock()

    private func configuration(
        _ change: (inout CountersignProcess.Settings) -> Void = { _ in }
    ) throws -> Configuration {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        change(&settings)
        let folder = try CountersignProcess.prepare(settings)
        let file = "\(folder.path)/countersign.yaml"
        return try Configuration.parse(file: file, environment: [:])
    }

    private func commands(_ sessions: String? = nil) throws -> SessionCommands {
        SessionCommands(
            try configuration { if let sessions { $0.sessions = sessions } }, time: clock.time,
            logger: RecordedLog().logger)
    }

    private static let nowhere = #"{ store: redis, redis: { url: "redis://127.0.0.1:1", command_timeout: 50ms } }"#

    @Test func sendsToTheServiceForSessionsInItsMemory() async throws {
        let commands = try commands()
        #expect(!commands.canReachSessions)
        let revoked = await #expect(throws: StartUpError.self) {
            try await commands.revoke(try #require(Cohort(.all)), issuedBefore: nil)
        }
        #expect(
            revoked.text.hasSuffix(
                "use the service itself: POST /revocations at its operations listener, or restart it"))
        let shown = await #expect(throws: StartUpError.self) {
            try await commands.show(ExternalIdentity(bytes: Array("csx_x".utf8)))
        }
        #expect(shown.text.hasSuffix("use the service itself: GET /session or POST /introspect"))
        // There is nothing to do for a key in such a store.
        try await commands.revoke(keyID: "kid")
    }

    /// A mistyped name must not look as if its sessions had ended.
    @Test(arguments: [Cohort.Kind.tenant, .identityProvider])
    func endsNothingOfANameThatTheConfigurationDoesNotHave(kind: Cohort.Kind) async throws {
        let commands = try commands(Self.nowhere)
        let error = await #expect(throws: StartUpError.self) {
            try await commands.revoke(try #require(Cohort(kind, "MARKER")), issuedBefore: nil)
        }
        let text = error.text
        #expect(
            text.contains(kind == .tenant ? "(acme-staging)" : "(vip-loyalty)") && text.hasSuffix("Nothing was done."))
        #expect(!text.contains("MARKER"))
    }

    @Test func saysWhatToDoIfTheStoreCannotBeReached() async throws {
        let commands = try commands(Self.nowhere)
        #expect(commands.canReachSessions)
        let revoked = await #expect(throws: StartUpError.self) {
            try await commands.revoke(try #require(Cohort(.device, "till-1")), issuedBefore: nil)
        }
        let text = revoked.text
        #expect(
            text.hasPrefix("session store: ")
                && text.hasSuffix(". It may not have been recorded: repair the store and run this again."))
        let shown = await #expect(throws: StartUpError.self) {
            try await commands.show(ExternalIdentity(bytes: Array("csx_x".utf8)))
        }
        #expect(shown.text.hasSuffix(". Repair the store and try again."))
    }
}

/// What `countersign upstream try` says before it reaches a service.
@Suite struct UpstreamTrialTests {
    private let clock = ManualClock()
    private let folder: TemporaryFolder
    private let configuration: Configuration

    init() throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        let token = """
            kind: upstream, upstream: { url: "http://127.0.0.1:1/t", token_at: /t, \
            body: { email: { from: email, required: true } } }
            """
        settings.providers =
            CountersignProcess.Settings.provider("points", token: token)
            + CountersignProcess.Settings.provider("second", mode: "optional", token: token)
            + CountersignProcess.Settings.provider("vip-loyalty")
        folder = try CountersignProcess.prepare(settings)
        configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
    }

    private func report(
        _ change: (ModelToken) -> ModelToken = { $0 }, provider: ExactText = "points"
    ) async throws -> UpstreamTrial.Report {
        let token = change(ModelToken(issuedAt: clock.now, keyID: TestKeys.rs256.keyID))
        return await (try UpstreamTrial(configuration, providerName: provider, now: clock.now))
            .report(on: try token.signed(by: TestKeys.rs256), now: clock.now)
    }

    @Test func sendsNothingForATokenThatALoginWouldRefuse() async throws {
        let report = try await report { $0.claim("typ", .string("ID")) }
        #expect(!report.hasToken)
        #expect(
            report.text
                == "The identity token is refused: token_kind_not_allowed. `countersign token explain` says more.")
    }

    @Test(arguments: [
        ("points" as ExactText, "The login would fail."),
        ("second", "The login would go on without an external identity."),
    ])
    func showsTheRequestAndWhatALoginWouldGet(provider: ExactText, verdict: String) async throws {
        let report = try await report(provider: provider)
        #expect(!report.hasToken && report.text.hasPrefix("Request:\nPOST http://127.0.0.1:1/t"), "\(report.text)")
        #expect(report.text.hasSuffix("\n\n\(verdict)"))
    }

    @Test func refusesAProviderWithoutAnInternalService() throws {
        for (name, words) in [
            ("vip-loyalty" as ExactText, "identity provider vip-loyalty has no internal service"),
            ("nobody", "there is no identity provider nobody; known are points, second, vip-loyalty"),
        ] {
            let error = #expect(throws: StartUpError.self) {
                try UpstreamTrial(configuration, providerName: name, now: clock.now)
            }
            #expect(error.text.hasPrefix(words))
        }
    }
}
