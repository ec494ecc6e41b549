import CountersignService
import Foundation
import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What `countersign doctor` finds, each check made to pass, to warn and to fail, with real servers.
@Suite struct CheckupTests {
    typealias Settings = CountersignProcess.Settings
    typealias Verdict = CheckupFinding.Verdict

    private let clock = ManualClock()

    /// By a clock that stands still, unless a test brings another one.
    private func report(
        keysMadeAt made: UnixTime? = nil, openFiles: Int = 100_000, clockIsSynchronized: Bool? = true,
        authorities: String? = nil, time: TimeSource? = nil, _ change: (inout Settings) -> Void = { _ in }
    ) async throws -> CheckupReport {
        var settings = Settings()
        // Where nobody listens, so that tests of other checks are not kept waiting.
        settings.publicURL = "http://127.0.0.1:1"
        change(&settings)
        let folder = try CountersignProcess.prepare(settings, at: made ?? clock.now)
        return await Checkup(
            file: "\(folder.path)/countersign.yaml", environment: [:], authorities: authorities,
            machine: Checkup.Machine(openFiles: openFiles, clockIsSynchronized: clockIsSynchronized),
            time: time ?? clock.time
        ).report()
    }

    // MARK: File and machine

    @Test func saysThatServeWouldStart() async throws {
        let report = try await report()
        #expect(report["configuration"].map(\.verdict) == [.pass])
        for check in ["limits", "time_synchronization", "signing_keys"] {
            #expect(report[check].map(\.verdict) == [.pass], "\(check)")
        }
        #expect(report["issuer_keys"].map(\.detail) == ["its keys are read from files"])
        #expect(report["session_store"].first?.detail == "in the memory of each process: nothing to reach")
    }

    @Test func reportsWhatServeWouldRefuseAndGoesOn() async throws {
        let report = try await report {
            $0.keys = "{ jwks_file: absent.json }"
            $0.sessions = "{ store: memory, cache_secret: { env: COUNTERSIGN_TEST_NOT_SET } }"
        }
        let found = report["configuration"]
        #expect(found.map(\.verdict) == [.fail, .fail] && !report.isWell)
        #expect(found[0].detail.contains("sessions.cache_secret: expected a value in the environment variable"))
        #expect(found[1].detail.contains("tenants[0].keys.jwks_file: expected a readable file"))
        #expect(report["signing_keys"].map(\.verdict) == [.pass], "other checks are done all the same")
    }

    @Test func saysOnlyWhatIsWrongWithAFileThatCannotBeRead() async throws {
        let report = try await report { $0.limits = "7" }
        #expect(report.findings.map(\.check) == ["configuration"] && !report.isWell)
        #expect(report.findings[0].detail.contains(":4: limits: expected a mapping, found the number 7."))
    }

    @Test func warnsOfWhatCheckConfigWarnsOf() async throws {
        let report = try await report { $0.providers = Settings.provider("p", token: "claims: { r: { from: a.b } }") }
        #expect(report["configuration"].map(\.verdict) == [.warn, .pass])
    }

    @Test(arguments: [(true as Bool?, Verdict.pass), (false, .warn), (nil, .warn)])
    func saysWhetherAnybodyKeepsTheClock(isSynchronized: Bool?, verdict: Verdict) async throws {
        let found = try await report(clockIsSynchronized: isSynchronized)["time_synchronization"]
        #expect(found.map(\.verdict) == [verdict])
        #expect(found[0].remedy?.contains("chrony") == (verdict == .warn ? true : nil))
    }

    @Test(arguments: [(100_000, Verdict.pass), (4000, .warn), (64, .fail)])
    func comparesLimitsWithDescriptors(openFiles: Int, verdict: Verdict) async throws {
        #expect(try await report(openFiles: openFiles)["limits"].map(\.verdict) == [verdict])
    }

    /// 90 days, less the time for which a successor is published.
    @Test func warnsOfAStepOfTheRotationThatNobodyTakes() async throws {
        let lead = Duration.seconds(600 + 120)
        let due = clock.now - .seconds(90 * 86_400) + lead
        let late = try await report(keysMadeAt: due)
        #expect(late["signing_keys"].map(\.verdict) == [.warn])
        #expect(late["signing_keys"][0].detail == "due: make an ES256 key")
        #expect(late["signing_keys"][0].remedy?.hasPrefix("Run `countersign keys advance --config ") == true)
        #expect(try await report(keysMadeAt: due + .seconds(1))["signing_keys"].map(\.verdict) == [.pass])
    }

    @Test func endsSoonWhateverHangs() async throws {
        let silent = try await FakeHTTPServer.start(.silence, FakeHTTPServer.Settings())
        let redis = try await RedisServer.start()
        redis.stop()
        let begin = ContinuousClock.now
        let report = try await report(time: .machine) {
            $0.publicURL = String(silent.url.dropLast())
            $0.keys = "{ jwks_url: \"\(silent.url)certs\" }"
            $0.sessions = Settings.redis(redis)
            $0.providers = Self.upstream("\(silent.url)tokens")
        }
        #expect(ContinuousClock.now - begin < .seconds(25), "five, by those that hang")
        for check in ["issuer_keys", "session_store", "public_url", "internal_service"] {
            #expect(report[check].map(\.verdict) == [.fail], "\(check): \(report.text)")
        }
        try await silent.stop()
    }

    // MARK: Issuers

    private func issuer(
        _ answer: FakeHTTPServer.Answer, more: String = ""
    ) async throws -> (keys: [CheckupFinding], clock: [CheckupFinding]) {
        let server = try await FakeIssuer.start(answer)
        let report = try await report {
            $0.keys = "{ jwks_url: \"\(server.url)\" }"
            $0.tenantMore = more
        }
        #expect(server.requestCount == 1)
        try await server.stop()
        return (report["issuer_keys"], report["issuer_clock"])
    }

    private static let keySet = PublicJWK.set([TestKeys.rs256.publicKey])

    @Test func fetchesTheKeySetOfAnIssuer() async throws {
        let found = try await issuer(.document(Self.keySet)).keys
        #expect(found.map(\.verdict) == [.pass] && found[0].subject == "acme-staging")
        #expect(found[0].detail.hasPrefix("1 usable, fetched in "))
    }

    @Test(arguments: [
        (FakeHTTPServer.Answer.status(503), ": status 503"), (.document(Array("hello".utf8)), "expected a JWK set"),
        (.document(Array(#"{"keys":[]}"#.utf8)), "no key of the set is of use: it is empty"),
        (.document(PublicJWK.set([TestKeys.es256.publicKey])), "no key of the set is of use: keys[0]"),
    ])
    func failsWithoutAUsableKeyOfAnIssuer(answer: FakeHTTPServer.Answer, cause: String) async throws {
        let found = try await issuer(answer).keys
        #expect(found.map(\.verdict) == [.fail] && found[0].remedy != nil)
        #expect(found[0].detail.contains(cause), "\(found)")
    }

    @Test func failsIfAnIssuerCannotBeReached() async throws {
        let found = try await report { $0.keys = "{ jwks_url: \"http://127.0.0.1:1/certs\" }" }["issuer_keys"]
        #expect(found.map(\.verdict) == [.fail])
        #expect(found[0].detail == "http://127.0.0.1:1/certs: connection refused")
    }

    /// Of 30 s that the tenant allows; a date is rounded down to whole seconds.
    @Test(arguments: [
        (0, "", Verdict.pass), (-1, "", .pass), (15, "", .pass), (16, "", .warn), (30, "", .warn), (31, "", .fail),
        (-16, "", .pass), (-17, "", .warn), (-31, "", .warn), (-32, "", .fail), (31, ", clock_skew: 62s", .pass),
    ])
    func comparesTheIssuersClockWithOurs(ahead: Int, more: String, verdict: Verdict) async throws {
        let found = try await issuer(.dated(clock.now + .seconds(ahead), Self.keySet), more: more).clock
        #expect(found.map(\.verdict) == [verdict], "\(found)")
        if verdict == .fail { #expect(found[0].detail.contains("31 s \(ahead > 0 ? "ahead of" : "behind") ours")) }
    }

    @Test func takesTheAgeOfAKeptAnswerIntoAccount() async throws {
        let old = FakeHTTPServer.Answer.dated(clock.now - .seconds(600), Self.keySet, more: ["Age": "600"])
        #expect(try await issuer(old).clock.map(\.verdict) == [.pass])
    }

    @Test(arguments: [nil, "yesterday", "Sun, 31 Feb 2025 17:00:00 GMT", "Monday, 24-Nov-25 17:00:00 GMT"])
    func warnsIfAnIssuerNamesNoDate(date: String?) async throws {
        let answer = FakeHTTPServer.Answer.whole(
            status: 200, headers: date.map { ["Date": $0] } ?? [:], body: Self.keySet)
        #expect(try await issuer(answer).clock.map(\.verdict) == [.warn])
    }

    // MARK: The public URL

    private func site(
        _ server: FakeHTTPServer, authorities: String? = nil
    ) async throws -> CheckupReport {
        try await report(authorities: authorities) { $0.publicURL = String(server.url.dropLast()) }
    }

    @Test func failsIfThePublicURLLeadsNowhere() async throws {
        let found = try await report()["public_url"]
        #expect(found.map(\.verdict) == [.fail] && found[0].detail == "http://127.0.0.1:1: connection refused")
    }

    @Test func failsIfAnotherServiceAnswersAtThePublicURL() async throws {
        let server = try await FakeHTTPServer.start(.document(Self.keySet), FakeHTTPServer.Settings())
        let report = try await site(server)
        #expect(report["public_url"].map(\.verdict) == [.pass])
        #expect(report["key_set"].map(\.verdict) == [.fail] && report["metadata"].map(\.verdict) == [.fail])
        #expect(report["key_set"][0].detail.hasSuffix("serves none of the keys in signing.directory"))
        server.set(.status(404))
        #expect(try await site(server)["public_url"][0].detail.hasSuffix(": status 404 for /.well-known/jwks.json"))
        server.set(.document(Array("<html>".utf8)))
        #expect(try await site(server)["key_set"][0].detail.hasSuffix("serves is no JWK set"))
        try await server.stop()
    }

    @Test func checksTheCertificateOfThePublicURL() async throws {
        for (names, cause) in [("IP:127.0.0.1", nil), ("DNS:other.example", "certificate is not for this host")] {
            let certificate = try TestCertificate(names: names)
            var settings = FakeHTTPServer.Settings()
            settings.certificate = certificate
            let server = try await FakeHTTPServer.start(.document(Self.keySet), settings)
            let stranger = try await site(server)["public_url"][0]
            #expect(stranger.verdict == .fail && stranger.detail.hasSuffix(": certificate is not trusted"))
            let trusted = try await site(server, authorities: certificate.file)["public_url"][0]
            #expect(trusted.verdict == (cause == nil ? .pass : .fail), "\(trusted)")
            #expect(cause.map(trusted.detail.hasSuffix) ?? true)
            try await server.stop()
        }
        let absent = try await report(authorities: "/nowhere.pem")["public_url"][0]
        #expect(absent.verdict == .fail && absent.detail.contains("--ca-file: expected a readable file"))
    }

    // MARK: Internal services

    @Test(arguments: [(401, Verdict.pass), (405, .pass), (499, .pass), (500, .warn), (503, .warn)])
    func asksInternalServicesWhetherTheyAreThere(status: Int, verdict: Verdict) async throws {
        let server = try await FakeUpstream.start(.status(status))
        let found = try await report { $0.providers = Self.upstream(server.url) }["internal_service"]
        #expect(found.map(\.verdict) == [verdict] && found[0].subject == "crm")
        #expect(server.requests.map(\.method) == ["OPTIONS"], "nothing is asked of it")
        try await server.stop()
    }

    @Test func failsIfAnInternalServiceIsNotThere() async throws {
        let url = "http://127.0.0.1:\(try freeLoopbackPort())/tokens"
        let found = try await report { $0.providers = Self.upstream(url) }["internal_service"]
        #expect(found.map(\.verdict) == [.fail] && found[0].detail == "\(url): connection refused")
    }

    private static func upstream(_ url: String) -> String {
        Settings.provider("crm", token: "kind: upstream, upstream: { url: \"\(url)\", token_at: /t }")
    }

    // MARK: Printing

    @Test func printsALineForEachCheckAndTheSameAsJSON() async throws {
        let report = try await report()
        let lines = report.text.split(separator: "\n")
        #expect(lines.count == report.findings.count + 1)
        #expect(lines.contains { $0.hasPrefix("pass  configuration: `serve` would start with /") })
        #expect(lines.contains { $0.hasPrefix("fail  public_url: http://127.0.0.1:1: connection refused. See that") })
        let warnings = report.findings.count { $0.verdict == .warn }
        #expect(lines.last == "\(report.findings.count - warnings - 1) pass, \(warnings) warn, 1 fail")
        let json = try JSONValue(parsing: Array(report.json.utf8))
        #expect(json["status"]?.string == "fail")
        guard case .array(let checks) = json["checks"] else {
            Issue.record("no checks: \(report.json)")
            return
        }
        #expect(checks.map { $0["check"]?.string } == report.findings.map { ExactText($0.check) })
        #expect(checks.first?["status"]?.string == "pass" && checks.first?["remedy"] == .null)
        #expect(checks.last?["remedy"]?.string?.hasPrefix("See that the service runs") == true)
    }
}

extension CheckupReport {
    /// The findings of one check.
    subscript(check: String) -> [CheckupFinding] { findings.filter { $0.check == check } }
}

extension FakeHTTPServer.Answer {
    fileprivate static func dated(_ time: UnixTime, _ body: [UInt8], more: [String: String] = [:]) -> Self {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let date = formatter.string(from: Date(timeIntervalSince1970: time.seconds))
        return .whole(status: 200, headers: more.merging(["Date": date]) { $1 }, body: body)
    }
}
