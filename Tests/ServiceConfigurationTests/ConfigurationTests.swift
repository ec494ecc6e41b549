import ServiceConfiguration
import Testing
import TokenExchange

@Suite struct ConfigurationTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    @Test func readsEveryServiceSection() throws {
        let configuration = try folder.load(longest, environment: longestEnvironment)
        #expect(configuration.publicURL == "https://identity.acme.example/countersign")
        #expect(configuration.listen.public == HostPort(host: "::", port: 8443))
        #expect(configuration.listen.operations == HostPort(host: "0.0.0.0", port: 0))
        #expect(configuration.listen.tls?.certificateChain == folder.path + "/chain.pem")
        #expect(configuration.listen.tls?.privateKey == folder.path + "/key.pem")
        #expect(
            configuration.listen.trustedProxies.networks.map(\.description)
                == ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
        #expect(configuration.listen.idleTimeout == .seconds(90))
        #expect(configuration.defaultIdentityProvider == "loyalty")
        #expect(configuration.log.level == .warning)
        #expect(configuration.log.format == .text)
        #expect(configuration.signing.directory == folder.path + "/keys/signing")
        #expect(configuration.signing.jwksMaximumAge == .seconds(300))
        #expect(try configuration.signing.passphrase?.read() == "a-secret-from-a-file")
        let rotation = configuration.signing.rotation
        #expect(
            [rotation.every, rotation.refreshLag, rotation.clockSkew]
                == [.seconds(30 * 86400), .seconds(180), .seconds(60)])
    }

    @Test func readsEveryLimit() throws {
        let limits = try folder.load(longest, environment: longestEnvironment).limits
        #expect([limits.bodyBytes, limits.tokenBytes, limits.jsonDepth, limits.jsonMembers] == [2048, 1024, 8, 32])
        #expect([limits.requestsPerSecond, limits.burst, limits.sources, limits.connections] == [0, 7, 9, 12])
        #expect(limits.requestTimeout == .seconds(2))
        #expect([limits.headBytes, limits.connectionsPerSource] == [8192, 3])
    }

    @Test func readsRedis() throws {
        let store = try folder.load(longest, environment: longestEnvironment).sessions.store
        guard case .redis(let redis) = store else {
            Issue.record("not Redis")
            return
        }
        let sentinels = [HostPort(host: "one.internal", port: 26_379), HostPort(host: "two.internal", port: 26_380)]
        #expect(redis.url.servers == .sentinel(sentinels, service: "countersign-master"))
        #expect(redis.url.database == 3)
        #expect(redis.tls?.certificateAuthorityFile == folder.path + "/acme.pem")
        #expect(redis.tls?.clientCertificate?.privateKey == folder.path + "/key.pem")
        #expect(redis.tls?.serverName == "redis.internal")
        #expect(redis.sentinel.username == "watcher")
        #expect(try redis.sentinel.password?.read() == "a-secret-from-a-file")
        #expect(redis.connectTimeout == .milliseconds(300))
        #expect(redis.reconnectWait == .milliseconds(800))
        #expect((redis.maximumInFlight, redis.waitReplicas, redis.waitConnections) == (100, 1, 4))
        #expect(redis.waitTimeout == .milliseconds(700))
        #expect(redis.username == "countersign")
        #expect(try redis.password?.read() == "a-secret-from-a-file")
        #expect(redis.commandTimeout == .milliseconds(100))
        #expect(redis.keyPrefix == "acme:cs")
    }

    @Test func readsTenants() throws {
        let tenants = try folder.load(longest, environment: longestEnvironment).tenants
        #expect(tenants.map(\.name) == ["acme", "outlet", "remote"])
        #expect(
            tenants.map(\.issuer) == [
                "https://id.example/realms/acme", "http://localhost:9000/outlet", "https://id.example/realms/remote",
            ])
        #expect(tenants[0].keys == .jwksFile(folder.path + "/acme.json"))
        #expect(tenants[1].keys == .publicKeyFiles([folder.path + "/acme.pem"]))
        #expect(
            tenants[0].rules
                == TenantRules(
                    algorithms: [.rs256, .edDSA], tokenKinds: ["Bearer", "ID"], audiences: ["account"],
                    authorizedParties: ["app"], allowsServiceAccounts: true, clockSkew: .zero, maximumAge: nil,
                    deniedKeyIDs: ["lost", "stolen"]))
        #expect(tenants[1].rules == TenantRules())
    }

    @Test func readsRemoteKeys() throws {
        let tenant = try folder.load(longest, environment: longestEnvironment).tenants[2]
        guard case .jwksURL(let keys) = tenant.keys else {
            Issue.record("the keys are not remote")
            return
        }
        #expect(keys.url == "https://id.example/certs")
        #expect(keys.refresh == .seconds(60))
        #expect(keys.maximumAge == .seconds(7200))
        #expect(keys.cooldown == .seconds(5))
        #expect(keys.timeout == .milliseconds(500))
        #expect(keys.certificateAuthorityFile == folder.path + "/acme.pem")
    }

    @Test func keepsRemoteKeysForADayUnlessToldOtherwise() throws {
        let yaml = shortest.replacing(
            "{ public_key_files: [acme.pem] }", with: "{ jwks_url: \"http://127.0.0.1:9/certs\" }")
        guard case .jwksURL(let keys) = try folder.load(yaml).tenants[0].keys else {
            Issue.record("the keys are not remote")
            return
        }
        #expect(keys.refresh == .seconds(300))
        #expect(keys.maximumAge == .seconds(86_400))
        #expect(keys.cooldown == .seconds(10))
        #expect(keys.timeout == .seconds(2))
        #expect(keys.certificateAuthorityFile == nil)
    }

    @Test func readsIdentityProviders() throws {
        let providers = try folder.load(longest, environment: longestEnvironment).identityProviders
        let loyalty = providers[0]
        #expect(loyalty.name == "loyalty")
        #expect(loyalty.tenants == ["acme", "outlet"])
        #expect(loyalty.mode == .optional)
        #expect(loyalty.deadline == .milliseconds(1500))
        #expect(loyalty.hosts == ["vip.acme.example"])
        #expect(loyalty.webviewOrigins == ["https://loyalty.acme.example", "http://localhost:3000"])
        let shape = TokenRecipe.JWTShape(
            algorithm: .ps256, audience: "https://loyalty.acme.example", maximumBytes: 2048)
        #expect(loyalty.token.kind == .jwt(shape))
        #expect(loyalty.token.lifetime == .seconds(5400))
        #expect(providers[1].token.kind == .opaque)
    }

    @Test func readsClaimMappingsWithJSONTypesKept() throws {
        let claims = try folder.load(longest, environment: longestEnvironment).identityProviders[0].token.claims
        let tier = JSONValue.array([
            .number(literal: "1"), .number(literal: "2.50"), .string("3"), .null, .bool(true),
            .object([.init("name", .string("x"))]),
        ])
        #expect(
            claims == [
                ClaimMapping(name: "email", source: .firstOf([ClaimPath("email")])),
                ClaimMapping(
                    name: "id",
                    source: .firstOf([ClaimPath("http://newstore/newstore_id"), ClaimPath("ids", ["main"])]),
                    isRequired: true),
                ClaimMapping(name: "brand", source: .value(.string("acme"))),
                ClaimMapping(name: "tier", source: .value(tier)),
            ])
    }

    @Test func tellsMembersOfABodyApartByTheirCaseAndHeadersNot() throws {
        let recipe = try recipe(
            """
            preset: oauth_token_exchange, body: { SUBJECT_TOKEN: { value: x }, grant_type: { value: y } }, \
            url: "https://x.example"
            """)
        #expect(recipe.body.map(\.name) == ["subject_token", "subject_token_type", "SUBJECT_TOKEN", "grant_type"])
        let other = try self.recipe(
            """
            preset: oauth_client_credentials, url: "https://x.example", token_at: /t, \
            headers: { authorization: { access_token: true, prefix: "Token " } }, \
            access_token: { url: "https://y.example", body: { Grant_Type: { value: x } } }
            """)
        #expect(other.headers == [UpstreamField(name: "authorization", source: .accessToken, prefix: "Token ")])
        #expect(other.access?.body.map(\.name) == ["grant_type", "Grant_Type"])
    }

    @Test func takesASecretInAHeaderAsItsFileIsUsuallyWritten() throws {
        let header = #"headers: { A: { file: key } }, url: "https://x.example", token_at: /t"#
        for text in ["s3cret\r\n", "s3cret\n\n"] {
            try folder.write(text, to: "key", mode: 0o600)
            #expect(try recipe(header).headers.count == 1)
        }
        try folder.write("s\u{E9}cret\n", to: "key", mode: 0o600)
        #expect(throws: ConfigurationError.self) { try recipe(header) }
        #expect(try recipe(header.replacing("headers", with: "body")).body.count == 1)
    }

    private func recipe(_ upstream: String) throws -> UpstreamRecipe {
        let token = "    token: { kind: upstream, upstream: { \(upstream) } }\n"
        guard case .upstream(let recipe) = try folder.load(shortest + token).identityProviders[0].token.kind else {
            throw CancellationError()
        }
        return recipe
    }

    @Test func readsConditions() throws {
        let conditions = try folder.load(longest, environment: longestEnvironment).identityProviders[0].conditions
        #expect(
            conditions.map(\.claim) == [
                ClaimPath("scope"), ClaimPath("tier"), ClaimPath("realm_access", ["roles"]), ClaimPath("email"),
            ])
        guard case .contains(.string("openid")) = conditions[0].test,
            case .equals(.number(literal: "2")) = conditions[1].test,
            case .anyOf([.string("a"), .string("b")]) = conditions[2].test,
            case .matches(let pattern) = conditions[3].test
        else {
            Issue.record("other tests")
            return
        }
        #expect(pattern.matches("jane@acme.example"))
        #expect(!pattern.matches("jane@acme.example.org"))
    }

    @Test func readsVerifiers() throws {
        let verifiers = try folder.load(longest, environment: longestEnvironment).verifiers
        #expect(verifiers.map(\.verifier.id) == ["backend", "other"])
        #expect(verifiers.map(\.verifier.revocation) == [.all, .own])
        #expect(verifiers.map(\.verifier.identityProviders) == [["loyalty"], ["loyalty", "notes"]])
        #expect(try verifiers[0].secret.read() == "sixteen-letters!")
    }

    @Test func fillsInDefaults() throws {
        let configuration = try folder.load(shortest)
        #expect(configuration.listen.public == HostPort(host: "127.0.0.1", port: 8080))
        #expect(configuration.listen.operations == HostPort(host: "127.0.0.1", port: 8081))
        #expect(configuration.listen.tls == nil)
        #expect(configuration.listen.trustedProxies.networks.isEmpty)
        #expect(configuration.listen.idleTimeout == .seconds(75))
        #expect(configuration.defaultIdentityProvider == nil)
        #expect(configuration.log.level == .info)
        #expect(configuration.log.format == .json)
        #expect(configuration.signing.jwksMaximumAge == .seconds(600))
        guard case .memory(let memory) = configuration.sessions.store else {
            Issue.record("not memory")
            return
        }
        #expect(memory.entries == 1_000_000)
        #expect(configuration.tenants[0].rules == TenantRules())
        #expect(configuration.verifiers.isEmpty)
    }

    @Test func fillsInDefaultsOfLimits() throws {
        let limits = try folder.load(shortest).limits
        #expect([limits.bodyBytes, limits.tokenBytes, limits.jsonDepth, limits.jsonMembers] == [32768, 8192, 16, 256])
        #expect(
            [limits.requestsPerSecond, limits.burst, limits.sources, limits.connections] == [50, 100, 10000, 4096])
        #expect(limits.requestTimeout == .seconds(10))
        #expect([limits.headBytes, limits.connectionsPerSource] == [49152, 256])
    }

    @Test func fillsInDefaultsOfAnIdentityProvider() throws {
        let provider = try folder.load(shortest).identityProviders[0]
        #expect(provider.mode == .strict)
        #expect(provider.deadline == .seconds(3))
        #expect(provider.hosts.isEmpty && provider.conditions.isEmpty && provider.webviewOrigins.isEmpty)
        #expect(
            provider.token.kind
                == .jwt(TokenRecipe.JWTShape(algorithm: .es256, audience: "loyalty", maximumBytes: 1024)))
        #expect(provider.token.lifetime == .seconds(3 * 3600))
        #expect(provider.token.claims.isEmpty)
    }

    @Test func fillsInDefaultsOfRedis() throws {
        let yaml = shortest + "sessions: { store: redis, redis: { url: \"redis://me@127.0.0.1\" } }\n"
        guard case .redis(let redis) = try folder.load(yaml).sessions.store else {
            Issue.record("not Redis")
            return
        }
        #expect(redis.url.servers == .standalone(HostPort(host: "127.0.0.1", port: 6379)))
        #expect(redis.url.database == 0)
        #expect(redis.tls == nil)
        #expect(redis.connectTimeout == .milliseconds(500))
        #expect(redis.reconnectWait == .milliseconds(1500))
        #expect((redis.maximumInFlight, redis.waitReplicas, redis.waitConnections) == (4096, 0, 16))
        #expect(redis.waitTimeout == .seconds(1))
        #expect(redis.username == "me")
        #expect(redis.password == nil)
        #expect(redis.commandTimeout == .milliseconds(250))
        #expect(redis.keyPrefix == "countersign")
    }

    @Test(arguments: [
        ("REDIS://h", RedisURL.Servers.standalone(HostPort(host: "h", port: 6379)), 0, false),
        ("rediss://h:1/2", .standalone(HostPort(host: "h", port: 1)), 2, true),
        ("redis://[::1]:7/", .standalone(HostPort(host: "::1", port: 7)), 0, false),
        ("redis-sentinel://h/s", .sentinel([HostPort(host: "h", port: 26_379)], service: "s"), 0, false),
        (
            "rediss-sentinel://h/my.s-1/65535", .sentinel([HostPort(host: "h", port: 26_379)], service: "my.s-1"),
            65535, true
        ),
        ("redis-cluster://h,i:2", .cluster([HostPort(host: "h", port: 6379), HostPort(host: "i", port: 2)]), 0, false),
        ("rediss-cluster://h/", .cluster([HostPort(host: "h", port: 6379)]), 0, true),
    ])
    func readsURLsOfRedis(_ text: String, servers: RedisURL.Servers, database: Int, isTLS: Bool) throws {
        let yaml = shortest + "sessions: { store: redis, redis: { url: \"\(text)\" } }\n"
        guard case .redis(let redis) = try folder.load(yaml).sessions.store else {
            Issue.record("not Redis")
            return
        }
        #expect(redis.url.servers == servers)
        #expect(redis.url.database == database)
        #expect((redis.tls != nil) == isTLS)
    }

    @Test func needsNoPasswordForRedisThatIsNotUsed() throws {
        let redis = "{ url: \"redis://127.0.0.1\", password: { env: NOT_SET } }"
        #expect(try folder.complaints(about: shortest + "sessions: { store: memory, redis: \(redis) }\n") == "")
        #expect(try folder.complaints(about: shortest + "sessions: { store: redis, redis: \(redis) }\n") != "")
    }
}
