import Foundation

/// The shortest file that is good.
let shortest = """
    public_url: http://127.0.0.1:8080
    signing: { directory: keys }
    tenants:
      - name: acme
        issuer: https://id.example/realms/acme
        keys: { public_key_files: [acme.pem] }
    identity_providers:
      - name: loyalty
        tenants: [acme]

    """

/// A file with every section and every key that can stand in one file.
let longest = """
    public_url: https://identity.acme.example/countersign
    listen:
      public: "[::]:8443"
      tls: { certificate_chain: chain.pem, private_key: key.pem }
      trusted_proxies: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32"]
      idle_timeout: 90s
      operations:
        address: 0.0.0.0:0
        open: false
        bearer: { file: secret }
        client_certificates: acme.pem
        tls: { certificate_chain: chain.pem, private_key: key.pem }
      http2: { enabled: false, streams: 7, buffer_bytes: 70000, resets_per_minute: 11, control_frames_per_minute: 13 }
    default_identity_provider: loyalty
    log: { level: warning, format: text, correlation_key: { file: secret } }
    audit: { file: audit.jsonl, required: true, queue_bytes: 70000, refusals_per_second: 5 }
    limits:
      { head_bytes: 8192, body_bytes: 2048, token_bytes: 1024, json_depth: 8, json_members: 32, requests_per_second: 0, burst: 7,
        sources: 9, request_timeout: 2s, connections: 12, connections_per_source: 3 }
    outbound:
      proxy: http://proxy.acme.example:3128/
      proxy_username: countersign
      proxy_password: { file: secret }
      no_proxy: [localhost, .internal.example, 10.0.0.0/8, "[fd00::1]:8443"]
      idle_timeout: 25s
      head_bytes: 20000
    traces:
      endpoint: https://collector.acme.example:4318/
      headers: { Authorization: { file: secret }, X-Tenant: { file: secret } }
      ca_file: acme.pem
      client_certificate: { certificate_chain: chain.pem, private_key: key.pem }
      service_name: identity
      sample_ratio: 0.5
      requests_per_second: 7
      queue_spans: 100
      batch_spans: 10
      interval: 2s
      timeout: 3s
    signing:
      directory: keys/signing
      jwks_max_age: 5m
      passphrase: { file: secret }
      rotation: { every: 30d, refresh_lag: 3m, clock_skew: 1m }
    sessions:
      store: redis
      cache_secret: { file: long-secret }
      memory: { entries: 10 }
      deferred: { entries: 20, bytes: 5000 }
      redis:
        url: rediss-sentinel://one.internal,two.internal:26380/countersign-master/3
        tls:
          ca_file: acme.pem
          client_certificate: { certificate_chain: chain.pem, private_key: key.pem }
          server_name: redis.internal
        sentinel: { username: watcher, password: { file: secret } }
        connect_timeout: 300ms
        reconnect_wait: 800ms
        maximum_in_flight: 100
        wait_replicas: 1
        wait_connections: 4
        wait_timeout: 700ms
        username: countersign
        password: { file: secret }
        command_timeout: 100ms
        key_prefix: "acme:cs"
    tenants:
      - name: acme
        issuer: https://id.example/realms/acme
        keys: { jwks_file: acme.json }
        algorithms: [RS256, EdDSA]
        token_kinds: [Bearer, ID]
        audiences: [account]
        authorized_parties: [app]
        allow_service_accounts: true
        clock_skew: 0s
        maximum_age: 0s
        denied_key_ids: [lost, stolen]
      - { name: outlet, issuer: "http://localhost:9000/outlet", keys: { public_key_files: [acme.pem] } }
      - name: remote
        issuer: https://id.example/realms/remote
        keys:
          { jwks_url: "https://id.example/certs", refresh: 1m, maximum_age: 2h, cooldown: 5s, timeout: 500ms,
            ca_file: acme.pem }
    identity_providers:
      - name: loyalty
        tenants: [acme, outlet]
        mode: optional
        deadline: 1500ms
        hosts: [VIP.Acme.example]
        token:
          kind: jwt
          lifetime: 90m
          audience: https://loyalty.acme.example
          algorithm: PS256
          maximum_bytes: 2048
          claims:
            email: { from: email }
            id: { first_of: ["http://newstore/newstore_id", [ids, main]], required: true }
            brand: { value: acme }
            tier: { value: [1, 2.50, "3", null, true, { name: x }] }
        conditions:
          - { claim: scope, contains: openid }
          - { claim: tier, equals: 2 }
          - { claim: [realm_access, roles], any_of: [a, b] }
          - { claim: email, matches: ".+@acme\\\\.example" }
        webview: { origins: ["https://Loyalty.acme.example", "http://localhost:3000"] }
      - { name: notes, tenants: [acme], token: { kind: opaque } }
      - name: points
        tenants: [acme]
        token:
          kind: upstream
          maximum_bytes: 512
          upstream:
            preset: oauth_client_credentials
            url: https://loyalty.acme.example/api/tokens
            method: PUT
            format: json
            headers: { X-Api-Key: { env: POINTS_KEY, prefix: "Key " }, X-Store: { value: 7 } }
            body:
              email: { from: email, required: true }
              id: { first_of: ["http://newstore/newstore_id", sub] }
              token: { identity: true }
              signature: { file: secret }
            token_at: /data/0/token
            expires_at_at: /data/0/ends
            success_statuses: [200, 201]
            timeout: 700ms
            attempts: 3
            idempotent: true
            connections: 20
            calls: 40
            maximum_answer_bytes: 8192
            devices_per_token: 4
            circuit_breaker: { failures: 3, pause: 2s, longest_pause: 2s }
            ca_file: acme.pem
            client_certificate: { certificate_chain: chain.pem, private_key: key.pem }
            access_token:
              url: https://id.acme.example/token
              method: POST
              format: form
              headers: { Authorization: { env: POINTS_KEY, prefix: "Basic " } }
              body: { scope: { value: points } }
              token_at: /access_token
              expires_in_at: /expires_in
              success_statuses: [200]
    verifiers:
      - { id: backend, secret: { env: BACKEND_SECRET }, identity_providers: [loyalty], may_revoke: all }
      - { id: other, secret: { file: secret }, identity_providers: [loyalty, notes], may_revoke: true }

    """

/// Every key of `probe`, whose tenant, provider and verifier are for nothing else.
let probeKeys = """
    probe:
      { tenant: probe, identity_provider: probe, verifier: prober, private_key: key.pem, url: "http://127.0.0.1:8080",
        interval: 2m, timeout: 3s, ca_file: acme.pem }

    """

let longestEnvironment = ["BACKEND_SECRET": "sixteen-letters!", "POINTS_KEY": "a key"]

/// A folder or file at the root of the repository.
func repositoryPath(_ path: String, from file: String = #filePath) -> URL {
    URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("../../" + path).standardized
}
