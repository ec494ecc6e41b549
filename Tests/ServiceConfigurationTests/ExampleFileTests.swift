import Foundation
import ServiceConfiguration
import Testing
import TokenExchange

/// The files in `config/`, in a folder where what they refer to exists.
@Suite struct ExampleFileTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    @Test func loadsTheDevelopmentConfiguration() throws {
        try copy("countersign.yaml")
        try folder.write("key", to: "keys/development/acme-staging.public.pem")
        let configuration = try Configuration.load(file: folder.path + "/config/countersign.yaml", environment: [:])
        #expect(configuration.publicURL == "http://127.0.0.1:8080")
        #expect(configuration.log.format == .text)
        #expect(configuration.signing.directory == folder.path + "/keys/signing")
        #expect(configuration.identityProviders.map(\.name) == ["vip-loyalty", "clienteling-notes"])
        #expect(configuration.identityProviders.map(\.mode) == [.strict, .optional])
        #expect(configuration.identityProviders[1].token.kind == .opaque)
        #expect(
            configuration.tenants[0].keys
                == .publicKeyFiles([folder.path + "/keys/development/acme-staging.public.pem"]))
    }

    @Test func loadsTheProductionExample() throws {
        let text = try String(contentsOf: repositoryPath("config/production.example.yaml"), encoding: .utf8)
        let moved = text.replacingOccurrences(of: "/etc/countersign/", with: "").replacingOccurrences(
            of: "/run/secrets/", with: "")
        try folder.write("{\"keys\":[]}", to: "jwks/acme-staging.json")
        try folder.write("a password\n", to: "redis-password", mode: 0o600)
        let configuration = try folder.load(
            moved,
            environment: [
                "LOYALTY_VERIFIER_SECRET": "0123456789abcdef", "NOTES_VERIFIER_SECRET": "0123456789abcdef",
            ])
        #expect(configuration.tenants.map(\.name) == ["acme", "acme-staging"])
        guard case .jwksURL = configuration.tenants[0].keys else {
            Issue.record("acme's keys are not remote")
            return
        }
        #expect(configuration.identityProviders.map(\.name) == ["vip-loyalty", "clienteling-notes", "endless-aisle"])
        #expect(configuration.verifiers.map(\.verifier.revocation) == [.own, .none])
    }

    @Test func loadsTheExampleOfALoyaltyAPIKey() throws {
        try folder.write("a password\n", to: "redis-password", mode: 0o600)
        try folder.write("a secret of thirty-two letters or more\n", to: "upstream-cache", mode: 0o600)
        let configuration = try folder.load(
            try moved("upstream-api-key.example.yaml"), environment: ["LOYALTY_API_KEY": "key"])
        guard case .upstream(let recipe) = configuration.identityProviders[0].token.kind else {
            Issue.record("of another kind")
            return
        }
        #expect(recipe.endpoint.method == .post && recipe.endpoint.format == .json)
        #expect(recipe.headers.map(\.name) == ["X-Api-Key"])
        #expect(recipe.body.map(\.name) == ["email", "associate", "store_roles", "brand"])
        #expect(recipe.transport.isIdempotent)
        #expect(configuration.sessions.cacheSecret != nil)
    }

    @Test func loadsTheExampleOfATokenExchange() throws {
        let configuration = try folder.load(
            try moved("upstream-token-exchange.example.yaml"),
            environment: ["CRM_CLIENT_BASIC": "eDp5", "APPOINTMENTS_CLIENT_SECRET": "secret"])
        guard case .upstream(let exchange) = configuration.identityProviders[0].token.kind,
            case .upstream(let appointments) = configuration.identityProviders[1].token.kind
        else {
            Issue.record("of another kind")
            return
        }
        #expect(exchange.endpoint.format == .form && exchange.endpoint.tokenAt == JSONPointer("/access_token"))
        #expect(
            exchange.body.map(\.name) == ["grant_type", "subject_token", "subject_token_type", "audience", "scope"])
        #expect(exchange.body[1].source == .identityToken)
        #expect(exchange.maximumBytes == 2048)
        #expect(appointments.headers == [UpstreamField(name: "Authorization", source: .accessToken, prefix: "Bearer ")])
        #expect(appointments.access?.body.map(\.name) == ["grant_type", "client_id", "client_secret"])
    }

    private func moved(_ name: String) throws -> String {
        try String(contentsOf: repositoryPath("config/" + name), encoding: .utf8)
            .replacingOccurrences(of: "/run/secrets/", with: "")
    }

    @Test func loadsTheFileOfTheSpecification() throws {
        let configuration = try folder.load(
            specified, environment: ["LOYALTY_VERIFIER_SECRET": "0123456789abcdef"])
        #expect(configuration.tenants[0].rules == TenantRules())
        #expect(
            configuration.identityProviders[0].token.claims.map(\.name) == ["email", "associate_id", "roles", "brand"])
        #expect(configuration.verifiers[0].verifier.revocation == .own)
    }

    private func copy(_ name: String) throws {
        try folder.write(Data(contentsOf: repositoryPath("config/" + name)), to: "config/" + name)
    }
}

/// As specified.
private let specified = #"""
    public_url: http://127.0.0.1:8080
    listen: { public: 127.0.0.1:8080, operations: 127.0.0.1:8081 }   # tls: { certificate_chain: …, private_key: … } under listen
    default_identity_provider: vip-loyalty
    log: { level: info, format: json }          # json | text
    limits: { body_bytes: 32768, token_bytes: 8192, requests_per_second: 50, burst: 100 }   # per source address; 0 turns it off
    signing: { directory: ../keys/signing, jwks_max_age: 10m }
    sessions:
      store: memory            # memory | redis
      redis: { url: "redis://127.0.0.1:6379/0", password: { env: REDIS_PASSWORD }, command_timeout: 250ms, key_prefix: countersign }
      # url may be rediss://, redis-sentinel://host:port,host:port/service, redis-cluster://host:port,host:port
    tenants:
      - name: acme-staging
        issuer: https://id.p.newstore.net/auth/realms/acme-staging     # compared byte for byte
        keys: { jwks_url: https://id.p.newstore.net/auth/realms/acme-staging/protocol/openid-connect/certs }  # or jwks_file: …, or public_key_files: […]
        algorithms: [RS256]
        token_kinds: [Bearer]          # payload `typ`; a token without one counts as Bearer
        audiences: []                  # empty: not checked
        authorized_parties: []         # `azp`, likewise
        allow_service_accounts: false
        clock_skew: 30s
        maximum_age: 1h                # now - iat
    identity_providers:
      - name: vip-loyalty
        tenants: [acme-staging]
        mode: strict
        deadline: 3s
        hosts: []
        token:
          kind: jwt                    # jwt | opaque | upstream
          lifetime: 3h
          audience: https://loyalty.acme.example       # default: the provider's name
          algorithm: ES256
          maximum_bytes: 1024
          claims:
            email: { from: email }
            associate_id: { first_of: ["http://newstore/newstore_id", associate_id, sub], required: true }
            roles: { from: [realm_access, roles] }     # a list is a path
            brand: { value: acme }
        conditions:                    # all must hold
          - { claim: [realm_access, roles], contains: store_associate }   # or equals: …, any_of: […], matches: "anchored regex"
        webview: { origins: ["https://loyalty.acme.example"] }
    verifiers:
      - { id: loyalty-backend, secret: { env: LOYALTY_VERIFIER_SECRET }, identity_providers: [vip-loyalty], may_revoke: true }

    """#
