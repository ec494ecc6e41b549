import Foundation
import TestSupport
import Testing
import TokenExchange

/// The limits of a source at the real program: what spends an allowance, what a load balancer in front changes, and what
/// of it is seen from outside.
@Suite struct SourceLimitTests {
    private typealias Settings = CountersignProcess.Settings
    private static let backend = TestVerifier("loyalty-backend", of: "vip-loyalty", mayRevoke: "all")
    private static let other = TestVerifier("notes-backend", of: "notes")

    private func service(limits: String, listenMore: String = "") async throws -> CountersignProcess {
        try await CountersignProcess.start(settings(limits: limits, listenMore: listenMore))
    }

    private func settings(limits: String, listenMore: String = "") -> Settings {
        var settings = Settings()
        settings.limits = limits
        settings.listenMore = listenMore
        settings.providers =
            Settings.provider("vip-loyalty") + Settings.provider("notes", mode: "optional", token: "kind: opaque")
        settings.verifiers = [Self.backend, Self.other]
        settings.signing = "{ directory: signing, jwks_max_age: 0s, rotation: { refresh_lag: 200ms } }"
        return settings
    }

    private func metrics(_ service: CountersignProcess) throws -> String {
        try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
    }

    /// Refused requests from `lastByte` until it is barred; how many were answered otherwise.
    @discardableResult
    private func bar(
        _ service: CountersignProcess, from lastByte: UInt8 = 1, headers: [String: String] = [:]
    ) throws -> Int {
        let connection = try HTTPConnection(port: service.publicPort, from: lastByte)
        for count in 0..<1000 {
            let answer = try connection.request("GET", "/nowhere", headers: headers)
            if answer.status == 429 { return count }
            #expect(answer.status == 404)
        }
        throw ProgramFailure(description: "not barred after 1000 refused requests")
    }

    /// How many refusals the rate can have given back since `start`, and one that was begun.
    private func regrown(since start: ContinuousClock.Instant, rate: Double) -> Int {
        Int((ContinuousClock.now - start).inSeconds * rate) + 1
    }

    // MARK: - Behind a load balancer

    /// A store's morning: as many logins as 1,500 associates cause at two identity providers, all through one nginx, and beside
    /// them as many bad tokens from one other address. In rounds, so that the flood is as fast as the logins whatever the
    /// machine is.
    @Test(arguments: [("{}", 50.0, 100, 1500), ("{ requests_per_second: 1, burst: 10 }", 1.0, 10, 150)])
    func losesNoLoginBehindALoadBalancerBesideAFlood(
        limits: String, rate: Double, burst: Int, associates: Int
    ) async throws {
        let service = try await service(limits: limits, listenMore: ", trusted_proxies: [127.0.0.1]")
        let nginx = try await NginxServer.start(inFrontOf: [service.publicPort])
        let tokens = try (0..<associates).map { _ in try ModelToken.fresh() }
        let connections = try (0..<16).map { _ in try nginx.connect(from: 20) }
        let flood = try (0..<16).map { _ in try nginx.connect(from: 66) }
        var (refused, limited) = (0, 0)
        var lost: [String] = []
        let start = ContinuousClock.now
        for round in stride(from: 0, to: associates, by: 8) {
            for connection in flood { try connection.login(Array("rubbish".utf8), "till-9", "vip-loyalty") }
            let logins = tokens[round...].prefix(8).flatMap { [($0, "vip-loyalty"), ($0, "notes")] }
            for (connection, login) in zip(connections, logins) { try connection.login(login.0, "till-1", login.1) }
            for (connection, _) in zip(connections, logins) {
                let answer = try connection.answer()
                if answer.externalIdentity == nil { lost.append(answer.text) }
            }
            for connection in flood {
                switch try connection.answer().status {
                case 401: refused += 1
                case 429: limited += 1
                case let status: lost.append("the flood was answered \(status)")
                }
            }
        }
        #expect(lost.isEmpty, "\(lost.count) such as \(lost.first ?? "")")
        #expect(refused <= burst + regrown(since: start, rate: rate))
        #expect(refused + limited == (associates + 7) / 8 * 16)
        let text = try metrics(service)
        #expect(
            text.contains(
                #"countersign_requests_total{error_code="",route="callback",status="200"} \#(2 * associates)"#))
        #expect(!text.contains(#"status="5"#))
        #expect(nginx.log.isEmpty, "\(nginx.log)")
    }

    /// A shop, or a load balancer that nobody has told us of: more clients at once than one address may have connections.
    @Test func servesMoreClientsAtOnceThanOneAddressMayHaveConnections() async throws {
        let service = try await service(limits: "{ connections_per_source: 16 }")
        let tokens = try (0..<32).map { _ in try ModelToken.fresh() }
        let connections = try tokens.map { _ in try service.connect() }
        for (connection, token) in zip(connections, tokens) { try connection.login(token, "till-1", "vip-loyalty") }
        #expect(try connections.allSatisfy { try $0.answer().externalIdentity != nil })
    }

    /// A load balancer that nobody has told us of hides its clients; genuine logins do not mind.
    @Test func losesNoLoginBehindALoadBalancerThatIsNotTrusted() async throws {
        let service = try await service(limits: "{ requests_per_second: 1, burst: 1 }")
        let nginx = try await NginxServer.start(inFrontOf: [service.publicPort])
        let connection = try nginx.connect()
        for number in 0..<30 {
            try connection.login(try ModelToken.fresh(), "till-\(number)", "vip-loyalty")
            #expect(try connection.answer().status == 200)
        }
        #expect(try metrics(service).contains("countersign_forwarded_ignored_total 30"))
        #expect(service.log.split(separator: "\n").count { $0.contains("listen.trusted_proxies") } == 1)
        #expect(service.log.contains(#""peer":"127.0.0.1""#))
    }

    @Test func doesNotLetAClientChooseItsSource() async throws {
        let service = try await service(
            limits: "{ requests_per_second: 1, burst: 20 }", listenMore: ", trusted_proxies: [127.0.0.9]")
        let connection = try service.connect()
        let start = ContinuousClock.now
        var refused = 0
        for number in 0..<60 {
            let headers = ["X-Forwarded-For": "198.51.100.\(number)", "Forwarded": "for=198.51.100.\(number)"]
            refused += try connection.request("GET", "/nowhere", headers: headers).status == 404 ? 1 : 0
        }
        #expect(refused <= 20 + regrown(since: start, rate: 1))
        // From the proxy, each is a source of its own.
        let proxy = try HTTPConnection(port: service.publicPort, from: 9)
        for number in 0..<60 {
            let headers = ["X-Forwarded-For": "203.0.113.7, 198.51.100.\(number)"]
            #expect(try proxy.request("GET", "/nowhere", headers: headers).status == 404)
        }
    }

    // MARK: - Verifiers

    @Test func boundsHowOftenASecretCanBeGuessedOverAllItsEndpoints() async throws {
        let service = try await service(limits: "{ requests_per_second: 1, burst: 10 }")
        for _ in 0..<50 { #expect(try service.introspect("x", as: Self.backend).status == 200) }
        let ports = [
            "/introspect": service.publicPort, "/revoke": service.publicPort, "/revocations": service.operationsPort,
        ]
        let connections = try ports.map { (path, port) in (path, try HTTPConnection(port: port, from: 3)) }
        func ask(_ path: String, _ connection: HTTPConnection, _ authorization: String) throws -> HTTPAnswer {
            let headers = ["Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization]
            return try connection.request("POST", path, headers: headers, body: Array("token=x&device=y".utf8))
        }
        let start = ContinuousClock.now
        var compared = 0
        for number in 0..<100 {
            for (path, connection) in connections {
                let guess = TestVerifier.basic(Self.backend.id, "guess \(number)")
                let answer = try ask(
                    path, connection, number.isMultiple(of: 2) ? guess : "Bearer \(Self.backend.id):\(number)")
                #expect(answer.status == 401 || answer.status == 429)
                compared += answer.status == 401 ? 1 : 0
            }
        }
        #expect(compared <= 10 + regrown(since: start, rate: 1))
        for (path, connection) in connections {
            // Whether the secret is right cannot be told while the source is barred.
            try await eventually("\(path) says nothing") {
                try bar(service, from: 3)
                return try ask(path, connection, Self.backend.basic).status == 429
            }
        }
        #expect(try service.introspect("x", as: Self.backend).status == 200, "from elsewhere")
        try await eventually("the source may ask again") {
            try ask("/introspect", connections.first { $0.0 == "/introspect" }!.1, Self.backend.basic).status == 200
        }
    }

    @Test func letsNoNeighbourShutOutABackEnd() async throws {
        let service = try await service(limits: "{ requests_per_second: 1, burst: 2 }")
        #expect(try service.introspect("x", as: Self.backend).status == 200)
        for _ in 0..<20 {
            try bar(service)
            _ = try service.post(
                "/introspect", form: "token=x", authorization: TestVerifier.basic(Self.other.id, "wrong"))
            #expect(try service.introspect("x", as: Self.backend).status == 200)
        }
    }

    // MARK: - Reloads

    @Test func keepsAllowancesOverReloadsAndNewKeysUnlessLimitsChange() async throws {
        var settings = settings(limits: "{ requests_per_second: 1, burst: 100 }")
        let service = try await CountersignProcess.start(settings)
        let start = ContinuousClock.now
        #expect(try bar(service) >= 100)
        func reload(_ count: Int) async throws {
            service.signal(SIGHUP)
            try await eventually("it is reloaded") {
                service.log.split(separator: "\n").count { $0.contains("configuration and keys reloaded") } == count
            }
        }
        settings.log = "{ level: debug }"
        try service.folder.write("countersign.yaml", settings.yaml)
        try await reload(1)
        #expect(try bar(service) <= regrown(since: start, rate: 1))
        _ = try await KeyOperator(folder: service.folder.path).generate()
        try await eventually("the new key is published") {
            try service.connect().request("GET", "/.well-known/jwks.json").text.components(separatedBy: "\"kid\"").count
                == 3
        }
        #expect(try bar(service) <= regrown(since: start, rate: 1))
        settings.limits = "{ requests_per_second: 1, burst: 101 }"
        try service.folder.write("countersign.yaml", settings.yaml)
        try await reload(2)
        #expect(try bar(service) >= 101)
    }

    // MARK: - Seen from outside

    @Test func labelsWhatItLimits() async throws {
        let service = try await service(limits: "{ requests_per_second: 1, burst: 3 }")
        let connection = try service.connect()
        func post(_ provider: String) throws -> HTTPAnswer {
            try connection.login(Array("rubbish".utf8), "till-1", provider)
            return try connection.answer()
        }
        try await eventually("both are limited") {
            let (strict, optional) = (try post("vip-loyalty"), try post("notes"))
            return strict.status == 429 && optional.headers["countersign-degraded"] == "rate_limited"
        }
        let text = try metrics(service)
        for provider in ["vip-loyalty", "notes"] {
            let labels = #"identity_provider="\#(provider)",reason="not_three_segments""#
            #expect(text.contains("countersign_refusals_total{\(labels)}"))
            #expect(text.contains(#"countersign_rate_limited_total{\#(labels),route="callback"}"#))
        }
        #expect(text.contains(#"countersign_degraded_total{error_code="rate_limited",identity_provider="notes"}"#))
        #expect(text.contains(#"countersign_requests_total{error_code="rate_limited",route="callback",status="429"}"#))
        let lines = service.log.split(separator: "\n").filter { $0.contains(#""error_code":"rate_limited""#) }
        for (provider, status) in [("vip-loyalty", 429), ("notes", 200)] {
            #expect(
                lines.contains { line in
                    [
                        #""identity_provider":"\#(provider)""#, #""reason":"not_three_segments""#,
                        #""status":\#(status)"#,
                    ].allSatisfy { line.contains($0) }
                })
        }
    }
}
