extension Refusal {
    static let services: [Refusal] = [
        Refusal(
            adding: "sessions: { cache_secret: { file: absent } }\n",
            complaint:
                "config.yaml:10: sessions.cache_secret: expected a readable file, found absent: No such file or directory."
        ),
        Refusal(
            adding: "sessions: { cache_secret: { file: acme.pem } }\n",
            complaint:
                "config.yaml:10: sessions.cache_secret: expected a file that other users cannot read, found acme.pem, readable by everybody. Run `chmod 600` on it, and replace what it holds if others use this machine."
        ),
        Refusal(
            adding: "sessions: { cache_secret: { file: secret } }\n",
            complaint:
                "config.yaml:10: sessions.cache_secret: expected a secret of at least 32 characters, found a shorter one. `openssl rand -base64 32` makes a good one."
        ),
        Refusal(
            adding: "log: { correlation_key: { env: SHORT } }\n",
            complaint:
                "config.yaml:10: log.correlation_key: expected a secret of at least 16 characters, found a shorter one. `openssl rand -base64 32` makes a good one."
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: 8080",
            complaint:
                "config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, found the number 8080. Put it in quotes if it is meant as a string."
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: identity.acme.example",
            complaint:
                #"config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, without user, query and fragment, found "identity.acme.example"."#
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: ftp://identity.acme.example",
            complaint:
                #"config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, without user, query and fragment, found "ftp://identity.acme.example"."#
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: http://identity.acme.example",
            complaint:
                #"config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, found "http://identity.acme.example". Plain http is accepted on loopback only."#
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: http://127.0.0.1.acme.example",
            complaint:
                #"config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, found "http://127.0.0.1.acme.example". Plain http is accepted on loopback only."#
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: https://identity.acme.example/",
            complaint:
                #"config.yaml:1: public_url: expected a URL without a slash at its end, found "https://identity.acme.example/". It is the `iss` of every token, which verifiers compare byte for byte."#
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: https://identity.acme.example?a=b",
            complaint:
                #"config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, without user, query and fragment, found "https://identity.acme.example?a=b"."#
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080", with: "public_url: https://user:pass@identity.acme.example",
            complaint:
                "config.yaml:1: public_url: expected an https URL such as https://identity.acme.example, without user, query and fragment, found a value that may hold credentials."
        ),
        Refusal(
            replacing: "public_url: http://127.0.0.1:8080\n", with: "",
            complaint: "config.yaml:1: public_url: expected a value, found no such key."),
        Refusal(
            adding: "listen: { public: 8080 }\n",
            complaint:
                #"config.yaml:10: listen.public: expected an address as host:port, such as 127.0.0.1:8080 or "[::]:8080", found the number 8080. Put it in quotes if it is meant as a string."#
        ),
        Refusal(
            adding: "listen: { public: \"localhost\" }\n",
            complaint:
                #"config.yaml:10: listen.public: expected an address as host:port, such as 127.0.0.1:8080 or "[::]:8080", found "localhost"."#
        ),
        Refusal(
            adding: "listen: { public: \"localhost:65536\" }\n",
            complaint:
                #"config.yaml:10: listen.public: expected an address as host:port, such as 127.0.0.1:8080 or "[::]:8080", found "localhost:65536"."#
        ),
        Refusal(
            adding: "listen: { operations: \"127.0.0.1:8080\" }\n",
            complaint:
                #"config.yaml:10: listen.operations: expected another address than `listen.public`, found "127.0.0.1:8080"."#
        ),
        Refusal(
            adding: "listen: { tls: { certificate_chain: none.pem, private_key: acme.pem } }\n",
            complaints: [
                "config.yaml:10: listen.tls.certificate_chain: expected a readable file, found none.pem: No such file or directory.",
                "config.yaml:10: listen.tls.private_key: expected a file that other users cannot read, found acme.pem, readable by everybody. Run `chmod 600` on it, and replace what it holds if others use this machine.",
            ]),
        Refusal(
            adding: "listen: { tls: { certificate_chain: chain.pem } }\n",
            complaint: "config.yaml:10: listen.tls.private_key: expected a value, found no such key."),
        Refusal(
            adding: "listen: { trusted_proxies: 10.0.0.0/8 }\n",
            complaint: #"config.yaml:10: listen.trusted_proxies: expected a list, found "10.0.0.0/8"."#),
        Refusal(
            adding: "listen: { trusted_proxies: [10.1.2.3/8, 2001:db8::1/32, 10.0.0.0/8, 192.0.3.0/23] }\n",
            complaints: [
                #"config.yaml:10: listen.trusted_proxies[0]: expected a network with no bit set behind its prefix, found "10.1.2.3/8". Did you mean `10.0.0.0/8`?"#,
                #"config.yaml:10: listen.trusted_proxies[1]: expected a network with no bit set behind its prefix, found "2001:db8::1/32". Did you mean `2001:db8::/32`?"#,
                #"config.yaml:10: listen.trusted_proxies[3]: expected a network with no bit set behind its prefix, found "192.0.3.0/23". Did you mean `192.0.2.0/23`?"#,
            ]),
        Refusal(
            adding: "listen: { trusted_proxies: [proxy.internal, 10.0.0.0/33, \"[::1]\", 10.0.0.1:80, 10] }\n",
            complaints: [
                #"config.yaml:10: listen.trusted_proxies[0]: expected an IP address or a network such as 10.0.0.0/8 or "2001:db8::/32", found "proxy.internal". Names are not looked up, since who answers for them may change."#,
                #"config.yaml:10: listen.trusted_proxies[1]: expected an IP address or a network such as 10.0.0.0/8 or "2001:db8::/32", found "10.0.0.0/33". Names are not looked up, since who answers for them may change."#,
                #"config.yaml:10: listen.trusted_proxies[2]: expected an IP address or a network such as 10.0.0.0/8 or "2001:db8::/32", found "[::1]". Names are not looked up, since who answers for them may change."#,
                #"config.yaml:10: listen.trusted_proxies[3]: expected an IP address or a network such as 10.0.0.0/8 or "2001:db8::/32", found "10.0.0.1:80". Names are not looked up, since who answers for them may change."#,
                #"config.yaml:10: listen.trusted_proxies[4]: expected an IP address or a network such as 10.0.0.0/8 or "2001:db8::/32", found the number 10. Put it in quotes if it is meant as a string."#,
            ]),
        Refusal(
            adding: "listen: { trusted_proxies: [10.0.0.0/8, 192.0.2.1, 192.0.2.1/32] }\n",
            complaint:
                #"config.yaml:10: listen.trusted_proxies[2]: expected each network once, found "192.0.2.1" again; it stands in line 10 already."#
        ),
        Refusal(
            adding: "default_identity_provider: loyality\n",
            complaint:
                #"config.yaml:10: default_identity_provider: expected the name of an identity provider, found "loyality". Did you mean `loyalty`?"#
        ),
        Refusal(
            adding: "default_identity_provider: other\n",
            complaint:
                #"config.yaml:10: default_identity_provider: expected the name of an identity provider, found "other". The identity providers here are loyalty."#
        ),
        Refusal(
            adding: "log: { level: verbose, format: Text }\n",
            complaints: [
                #"config.yaml:10: log.level: expected one of trace, debug, info, warning, error, found "verbose"."#,
                #"config.yaml:10: log.format: expected one of json, text, found "Text". Did you mean `text`?"#,
            ]),
        Refusal(
            adding: "limits: { burst: many, sources: 0x10, json_depth: 1_0, connections: 2.5 }\n",
            complaints: [
                #"config.yaml:10: limits.burst: expected a whole number from 1 to 100000, found "many"."#,
                "config.yaml:10: limits.sources: expected a whole number from 1 to 1000000, found the number 0x10.",
                "config.yaml:10: limits.json_depth: expected a whole number from 3 to 64, found the number 1_0.",
                "config.yaml:10: limits.connections: expected a whole number from 1 to 100000, found the number 2.5.",
            ]),
        Refusal(
            adding: "limits: { body_bytes: 4096 }\n",
            complaint:
                "config.yaml:10: limits.body_bytes: expected more than `limits.token_bytes`, which is 8192, found the number 4096."
        ),
        Refusal(
            adding: "limits: { token_bytes: 32768 }\n",
            complaint:
                "config.yaml:10: limits.token_bytes: expected less than `limits.body_bytes`, which is 32768, found the number 32768."
        ),
        Refusal(
            adding: "limits: { request_timeout: 10 }\n",
            complaint:
                "config.yaml:10: limits.request_timeout: expected a duration from 100ms to 5m, found the number 10. Write a whole number and a unit: ms, s, m, h or d."
        ),
        Refusal(
            adding: "limits: { request_timeout: 6m }\n",
            complaint: #"config.yaml:10: limits.request_timeout: expected a duration from 100ms to 5m, found "6m"."#),
        Refusal(
            adding: "limits: { request_timeout: 1.5s }\n",
            complaint:
                #"config.yaml:10: limits.request_timeout: expected a duration from 100ms to 5m, found "1.5s". Write a whole number and a unit: ms, s, m, h or d."#
        ),
        Refusal(
            replacing: "signing: { directory: keys }", with: "signing: { jwks_max_age: 500ms }",
            complaints: [
                "config.yaml:2: signing.directory: expected a value, found no such key.",
                #"config.yaml:2: signing.jwks_max_age: expected a duration from 0s to 1d in whole seconds, found "500ms"."#,
            ]),
        Refusal(
            adding: "sessions: { store: disk }\n",
            complaint: #"config.yaml:10: sessions.store: expected one of memory, redis, found "disk"."#),
        Refusal(
            adding: "sessions: { store: redis }\n",
            complaint:
                "config.yaml:10: sessions.redis: expected a value, found no such key. `store: redis` needs `redis: { url: … }` beside it."
        ),
        Refusal(
            adding: "sessions: { memory: { entries: 1 } }\n",
            complaint:
                "config.yaml:10: sessions.memory.entries: expected a whole number from 2 to 10000000, found the number 1."
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-sentinel://h:1,i:2\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis-sentinel://h:1,i:2"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-sentinel://h:1/a/b/c\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis-sentinel://h:1/a/b/c"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-sentinel://h:1,h:1/a\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis-sentinel://h:1,h:1/a"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-sentinel:///a\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis-sentinel:///a"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-cluster://h:1/1\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis-cluster://h:1/1"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-cluster://h:1,\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis-cluster://h:1,"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://h:1,i:2\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis://h:1,i:2"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://@h\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found a value that may hold credentials."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://h/1/2\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis://h/1/2"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://h/65536\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis://h/65536"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"rediss-x://h\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "rediss-x://h"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://h\", tls: { ca_file: acme.pem } } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.tls: expected no such key with a `url` without TLS, found a mapping. Begin the URL with rediss, rediss-sentinel or rediss-cluster, or remove the key."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis-cluster://h\", sentinel: { username: a } } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.sentinel: expected no such key with a `url` that names no sentinels, found a mapping. Write `username` and `password` of the server beside `url`."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"http://h:1\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "http://h:1"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://h:1/x\" } }\n",
            complaint:
                #"config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found "redis://h:1/x"."#
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://user:marker-password@h:1/0\" } }\n",
            complaint:
                "config.yaml:10: sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, found a URL with a password. Write `password: { env: NAME }` or `password: { file: PATH }` beside it."
        ),
        Refusal(
            adding: "sessions: { store: redis, redis: { url: \"redis://me@h\", username: me } }\n",
            complaint:
                "config.yaml:10: sessions.redis.username: expected one user name, found another in `url`. Remove one of the two."
        ),
        Refusal(
            adding:
                "sessions: { store: redis, redis: { url: \"redis://h\", key_prefix: \"{a}\", command_timeout: 1ms } }\n",
            complaints: [
                #"config.yaml:10: sessions.redis.key_prefix: expected 1 to 64 letters, digits, `-`, `_`, `.` and `:`, found "{a}"."#,
                #"config.yaml:10: sessions.redis.command_timeout: expected a duration from 10ms to 10s, found "1ms"."#,
            ]),
    ]
}
