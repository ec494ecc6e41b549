import TokenExchange

extension FirstConfiguration {
    /// The file. Answers stand in quotes, so that whatever was typed is text.
    var yaml: String {
        [head, listeners, keysAndSessions, tenant, identityProviders, foot].joined(separator: "\n\n") + "\n"
    }

    private var head: String {
        """
        # Written by `countersign init`; `countersign check-config` checks it. Every key is explained in docs/configuration.md.
        # Relative paths start at this file's folder. Secrets never stand here, but in the environment or in files.

        # Where the Associate App, pages and back ends reach Countersign, and the `iss` of every token that it mints.
        public_url: \(publicURL.quoted)
        """
    }

    private var listeners: String {
        """
        listen:
          public: \(publicAddress.quoted)        # callback, sessions, introspection; for a load balancer 0.0.0.0:8080
          operations: "127.0.0.1:\(operationsPort)"    # health and metrics; never to be reached from outside
          # trusted_proxies: [10.0.1.0/24]    # the load balancers alone: they say who the client is
          # tls: { certificate_chain: tls/chain.pem, private_key: tls/key.pem }    # without a load balancer

        log: { level: info, format: text }    # json where machines read the log
        """
    }

    private var keysAndSessions: String {
        let sessions =
            store == "memory"
            ? """
              store: memory    # sessions end with the process, and other replicas do not know them
              # store: redis
              # redis: { url: "redis://127.0.0.1:6379/0", password: { env: REDIS_PASSWORD } }
            """
            : """
              store: redis     # shared by all replicas, survives restarts
              redis:
                url: \(store.quoted)
                # password: { env: REDIS_PASSWORD }    # or { file: PATH }
            """
        return """
            signing:
              directory: \(keys.quoted)    # private keys; `countersign keys` makes and rotates them

            sessions:
            \(sessions)
            """
    }

    private var tenant: String {
        """
        tenants:
          - name: \(tenantName.quoted)
            issuer: \(issuerURL.quoted)    # compared byte for byte with a token's `iss`
            # Fetched in the background, kept for a day while the issuer is down.
            keys: { jwks_url: \(keySetURL.quoted) }
            # authorized_parties: [newstore-associate-app]    # the clients whose tokens count, as `azp` names them
        """
    }

    private var identityProviders: String {
        "identity_providers:\n" + providers.map(provider).joined(separator: "\n")
    }

    private func provider(_ name: String) -> String {
        """
          - name: \(name.quoted)    # as `identity_provider` at NewStore
            tenants: [\(tenantName.quoted)]
            mode: strict    # our failure fails the login; optional: the login goes on without an external identity
            token:
              kind: \(tokenKind.quoted)
              lifetime: 3h    # NewStore recommends 2 to 3 hours: there is no refresh before the next login
              # audience: https://loyalty.acme.example    # for JWTs; default: the provider's name
              claims:
                email: { from: email }
                associate_id: { first_of: ["http://newstore/newstore_id", sub], required: true }
            # conditions:    # all must hold
            #   - { claim: [realm_access, roles], contains: store_associate }    # a list is a path
            webview: { origins: [\(origins.map(\.quoted).joined(separator: ", "))] }    # pages that may ask /session
        """
    }

    private var foot: String {
        """
        # Back ends that ask whether an external identity is good (POST /introspect):
        # verifiers:
        #   - { id: loyalty-backend, secret: { env: LOYALTY_VERIFIER_SECRET }, identity_providers: [vip-loyalty] }
        """
    }
}

// MARK: - What follows from the answers

extension FirstConfiguration {
    private var issuerURL: String {
        issuer.contains("://") ? issuer : "https://id.p.newstore.net/auth/realms/\(issuer)"
    }

    /// Keycloak's.
    private var keySetURL: String {
        issuerURL + (issuerURL.hasSuffix("/") ? "" : "/") + "protocol/openid-connect/certs"
    }

    /// The last part of the issuer's path, in the characters of a name.
    private var tenantName: String {
        let last = issuer.split(separator: "/").last ?? ""
        let name = last.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        let trimmed = name.drop { !$0.isLetter && !$0.isNumber }.prefix(64)
        return trimmed.isEmpty ? "newstore" : String(trimmed)
    }

    /// Of a trial on one machine the public URL's own, as nothing stands before it.
    private var publicAddress: String {
        guard publicURL.hasPrefix("http://") else { return "127.0.0.1:8080" }
        let authority = publicURL.dropFirst("http://".count).prefix { $0 != "/" }
        return authority.contains(":") && authority.last != "]" ? String(authority) : "\(authority):80"
    }

    private var operationsPort: Int { publicAddress.hasSuffix(":8081") ? 8082 : 8081 }
}

extension String {
    /// As a JSON string, which YAML reads as the same text.
    fileprivate var quoted: String { String(decoding: JSONValue.string(self).text, as: UTF8.self) }
}
