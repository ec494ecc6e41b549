import Foundation
import TestSupport
import Testing
import TokenExchange

/// `countersign upstream try`.
@Suite(.serialized) struct UpstreamTryTests {
    private typealias Settings = CountersignProcess.Settings

    @Test func triesAServiceOutAndMasksSecrets() async throws {
        let fake = try await FakeUpstream.start(.body(#"{"token":"MARKERTOKEN","expires_in":600,"tier":"gold"}"#))
        let service = try await UpstreamScene.start(Settings.provider("points", token: UpstreamScene.upstream(fake)))[0]
        let arguments = ["upstream", "try", "--config", "\(service.folder.path)/countersign.yaml"]
        let good = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "points"], input: try ModelToken.fresh())
        #expect(good.status == 0, "\(good.output)")
        for line in [
            "POST \(fake.url)", "X-Api-Key: Key ***12-characters***",
            ", {token: string(11), expires_in: number, tier: string(4)}",
            "The login would get a token of 11 characters, good for 600 s.",
        ] { #expect(good.output.contains(line), "\(good.output)") }
        #expect(good.output.contains(#"{"email":"jane.operator@example.com","subject_token":"***"#))
        #expect(!good.output.contains("MARKER") && !good.output.contains("eyJ"))
        fake.set(.body("MARKER", status: 500))
        let bad = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "points"], input: try ModelToken.fresh())
        #expect(bad.status == 1 && bad.output.contains("status 500") && bad.output.contains("The login would fail."))
        let refused = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "points"],
            input: try ModelToken.current.signed(by: TestKeys.stranger))
        #expect(refused.status == 1 && refused.output.contains("signature_invalid"))
        #expect(fake.requestCount == 2)
        let unknown = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "x"], input: [])
        #expect(unknown.status == 1 && unknown.output.contains("known are points"))
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    @Test func triesTheCallForAnAccessTokenOutAsWell() async throws {
        let (access, fake) = (
            try await FakeUpstream.start(.body(#"{"access_token":"MARKERACCESS"}"#)),
            try await FakeUpstream.start(.body(#"{"token":"MARKERTOKEN"}"#))
        )
        let token = """
            kind: upstream, upstream: { preset: oauth_client_credentials, url: "\(fake.url)", token_at: /token, \
            idempotent: true, attempts: 3, access_token: { url: "\(access.url)", \
            body: { client_id: { value: countersign }, client_secret: { file: api-key } } } }
            """
        let service = try await UpstreamScene.start(Settings.provider("points", token: token))[0]
        let arguments = [
            "upstream", "try", "--config", "\(service.folder.path)/countersign.yaml", "--identity-provider", "points",
        ]
        let good = try await CountersignProcess.run(
            CountersignProcess.program, arguments, input: try ModelToken.fresh())
        #expect(good.status == 0 && !good.output.contains("MARKER"), "\(good.output)")
        let parts = good.output.split(separator: "\n\n")
        #expect(parts[0].hasPrefix("Request for an access token:\nPOST \(access.url)\n"))
        #expect(parts[1] == "grant_type=client_credentials&client_id=countersign&client_secret=***12-characters***")
        #expect(parts[2].hasSuffix(", {access_token: string(12)}"))
        #expect(parts[3].hasPrefix("Request:\nPOST \(fake.url)\n"))
        #expect(parts[3].contains("\nAuthorization: Bearer ***access-token***\n"))
        access.set(.body("", status: 503))
        let bad = try await CountersignProcess.run(
            CountersignProcess.program, arguments, input: try ModelToken.fresh())
        #expect(bad.status == 1 && !bad.output.contains(fake.url), "\(bad.output)")
        #expect(
            bad.output.hasSuffix(
                "an empty body\n\nWithout an access token nothing more was sent.\n\nThe login would fail.\n"))
        #expect(access.requestCount == 2 && fake.requestCount == 1)
        #expect(try await service.terminate() == 0)
        try await access.stop()
        try await fake.stop()
    }
}
