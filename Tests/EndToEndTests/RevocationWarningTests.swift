import Foundation
import TestSupport
import Testing
import TokenExchange

/// Many sessions that are ended at once, and compromised keys: those who are paged see it, and who did it.
@Suite(.serialized) struct RevocationWarningTests {
    private typealias Settings = CountersignProcess.Settings

    private static let admin = TestVerifier("admin", of: "vip-loyalty", mayRevoke: "all")
    private static let subject = "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55"
    private static let elsewhere = "another replica or a command"

    /// Two replicas in one folder, so that the log is that of both.
    @Test func areWarningsByRequestAndByCommand() async throws {
        let redis = try await RedisServer.start()
        var settings = Settings()
        settings.sessions = Settings.redis(redis, commandTimeout: "1s")
        settings.verifiers = [Self.admin]
        let folder = try CountersignProcess.prepare(settings)
        let one = try await CountersignProcess.start(in: folder)
        let other = try await CountersignProcess.start(in: folder)
        let config = "\(folder.path)/countersign.yaml"
        func lines(_ pieces: String...) -> [Substring] {
            (one.log + other.log).split(separator: "\n").filter { line in pieces.allSatisfy { line.contains($0) } }
        }
        func told(_ cohort: String, by who: String) -> [Substring] {
            Array(Set(lines(#""message":"sessions were revoked""#, #""cohort":"\#(cohort)""#, #""by":"\#(who)""#)))
        }
        for form in ["tenant=acme-staging", "subject=\(Self.subject)"] {
            let answer = try one.post(
                "/revocations", form: form, authorization: Self.admin.basic, port: one.operationsPort)
            #expect(answer.status == 204)
        }
        try await eventually("the other one has read both") {
            ["tenant", "subject"].allSatisfy { told($0, by: Self.elsewhere).count == 1 }
        }
        for (cohort, level) in [("tenant", "warning"), ("subject", "notice")] {
            for who in ["verifier admin", Self.elsewhere] {
                let told = told(cohort, by: who)
                #expect(told.count == 1, "\(cohort) by \(who)")
                #expect(told.allSatisfy { $0.contains(#""level":"\#(level)""#) && $0.contains("issued_before") })
            }
        }
        let command = try await CountersignProcess.run("sessions", "revoke", "--all", "--yes", "--config", config)
        #expect(
            command.output.contains(#""level":"warning""#) && command.output.contains(#""by":"command","cohort":"all""#)
        )
        try await eventually("both have read it") { told("all", by: Self.elsewhere).count == 2 }
        let identity = try #require(try one.exchange(try ModelToken.fresh()).externalIdentity)
        let header = try UnverifiedToken(Array(identity.utf8), limits: TokenLimits())
        let key = String(try #require(header.jws.keyID))
        let revoked = try await CountersignProcess.run("keys", "revoke", key, "--yes", "--config", config)
        let message = #""message":"a signing key was revoked as compromised""#
        #expect(revoked.status == 0 && revoked.output.contains(message + #","by":"command","key_id":"\#(key)""#))
        try await eventually("both say so") { Set(lines(message, key)).count == 2 }
        #expect(lines(Self.subject).isEmpty)
    }
}
