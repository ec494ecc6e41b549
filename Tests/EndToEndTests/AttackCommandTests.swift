import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `countersign attack` against the service itself.
@Suite struct AttackCommandTests {
    /// A folder whose tenant is a development tenant: its private key is beside the public one.
    private func prepare(_ change: (inout CountersignProcess.Settings) -> Void = { _ in }) throws -> TemporaryFolder {
        var settings = CountersignProcess.Settings()
        change(&settings)
        let folder = try CountersignProcess.prepare(settings)
        let made = try SigningKeyDirectory(path: "\(folder.path)/issuer").generate(
            algorithm: .rs256, at: UnixTime(seconds: Date().timeIntervalSince1970))
        let key = "\(folder.path)/acme-staging.private.pem"
        try FileManager.default.moveItem(atPath: "\(folder.path)/issuer/\(made.fileName)", toPath: key)
        let signer = try OpenSSLTokenSigner(privateKeyFile: key, algorithm: .rs256)
        try folder.write("issuer.json", String(decoding: PublicJWK.set([signer.publicKey]), as: UTF8.self))
        return folder
    }

    private func attack(
        _ service: CountersignProcess, _ options: String...
    ) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(
            CountersignProcess.program,
            [
                "attack", "http://127.0.0.1:\(service.publicPort)", "--config",
                "\(service.folder.path)/countersign.yaml",
                "--rate", "1000",
            ] + options)
    }

    @Test func findsNothingThatTheServiceAcceptsOfItsOwnIssuer() async throws {
        let service = try await CountersignProcess.start(in: try prepare())
        let result = try await attack(service)
        #expect(result.status == 0, "\(result.output.suffix(2000))")
        #expect(result.output.contains(/(5\d\d) attacks: \1 refused, 0 accepted, 0 failed; \d\d not sent/))
        #expect(result.output.hasSuffix("The good token of tenant acme-staging is accepted, before and after.\n"))
        #expect(!result.output.contains("eyJ") && !result.output.contains("jane.operator"))
    }

    /// The rule that a development token does not meet is the service's own, and no sign of a good service.
    @Test func provesNothingWithATokenThatIsRefusedAnyway() async throws {
        let folder = try prepare {
            $0.providers = CountersignProcess.Settings.provider(
                "vip-loyalty", more: ", conditions: [{ claim: level, equals: 3 }]")
        }
        let service = try await CountersignProcess.start(in: folder)
        let refused = try await attack(service)
        #expect(refused.status == 1 && refused.output.contains("found it refused with 403"), "\(refused.output)")
        let result = try await attack(service, "--claim", "level=3")
        #expect(result.status == 0, "\(result.output.suffix(2000))")
        #expect(result.output.contains("refused   403  role-missing") == false, "there is no such condition here")
    }

    @Test func attacksWithForgedTokensIfThereIsNoDevelopmentKey() async throws {
        let service = try await CountersignProcess.start(in: try CountersignProcess.prepare(.init()))
        let result = try await attack(service)
        #expect(result.status == 0, "\(result.output.suffix(2000))")
        #expect(result.output.contains("546 attacks: 546 refused, 0 accepted, 0 failed."))
        #expect(result.output.contains("There is no development key, so all tokens were forged"))
    }
}
