extension Refusal {
    static let tenants: [Refusal] = [
        Refusal(
            replacing: "  - name: acme\n    issuer", with: "  - issuer",
            complaint: "config.yaml:4: tenants[0].name: expected a value, found no such key."),
        Refusal(
            replacing: "name: acme", with: "name: Acme",
            complaints: [
                #"config.yaml:4: tenants[0].name: expected a name of 1 to 64 lower-case letters, digits, `-`, `_` and `.`, with a letter or digit in front, found "Acme"."#,
                #"config.yaml:9: identity_providers[0].tenants[0]: expected the name of a tenant, found "acme". Did you mean `Acme`?"#,
            ]),
        Refusal(
            replacing: "name: acme", with: "name: a/b",
            complaints: [
                #"config.yaml:4: tenants[0].name: expected a name of 1 to 64 lower-case letters, digits, `-`, `_` and `.`, with a letter or digit in front, found "a/b"."#,
                #"config.yaml:9: identity_providers[0].tenants[0]: expected the name of a tenant, found "acme". The tenants here are a/b."#,
            ]),
        Refusal(
            replacing: "https://id.example/realms/acme", with: #""""#,
            complaint:
                "config.yaml:5: tenants[0].issuer: expected an https URL such as https://id.p.newstore.net/auth/realms/acme, found an empty string."
        ),
        Refusal(
            replacing: "https://id.example/realms/acme", with: "http://id.example/realms/acme",
            complaint:
                #"config.yaml:5: tenants[0].issuer: expected an https URL such as https://id.p.newstore.net/auth/realms/acme, found "http://id.example/realms/acme". Plain http is accepted on loopback only."#
        ),
        Refusal(
            replacing: "https://id.example/realms/acme", with: "http://127.0.0.1:8080",
            complaint:
                "config.yaml:5: tenants[0].issuer: expected an issuer of identity tokens, found `public_url`. A token that we minted must never be exchanged again."
        ),
        Refusal(
            replacing: "identity_providers:",
            with:
                "  - name: acme\n    issuer: https://id.example/realms/acme\n    keys: { jwks_file: acme.json }\nidentity_providers:",
            complaints: [
                #"config.yaml:7: tenants[1].name: expected each tenant once, found "acme" again; it stands in line 4 already."#,
                #"config.yaml:8: tenants[1].issuer: expected each issuer once, found "https://id.example/realms/acme" again; it stands in line 5 already."#,
            ]),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{}",
            complaint:
                "config.yaml:6: tenants[0].keys: expected exactly one of `jwks_url`, `jwks_file`, `public_key_files`, found none of them."
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }",
            with: "{ jwks_file: acme.json, public_key_files: [acme.pem] }",
            complaint:
                "config.yaml:6: tenants[0].keys: expected exactly one of `jwks_url`, `jwks_file`, `public_key_files`, found `jwks_file` and `public_key_files`."
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{ jwks_file: absent.json }",
            complaint:
                "config.yaml:6: tenants[0].keys.jwks_file: expected a readable file, found absent.json: No such file or directory."
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{ jwks_file: . }",
            complaint: "config.yaml:6: tenants[0].keys.jwks_file: expected a file, found the folder .."),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{ public_key_files: [] }",
            complaint:
                "config.yaml:6: tenants[0].keys.public_key_files: expected a list with at least 1 element, found an empty one."
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{ public_key_files: acme.pem }",
            complaint: #"config.yaml:6: tenants[0].keys.public_key_files: expected a list, found "acme.pem"."#),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }",
            with: "{ jwks_url: https://id.example/certs, jwks_file: acme.json }",
            complaint:
                "config.yaml:6: tenants[0].keys: expected exactly one of `jwks_url`, `jwks_file`, `public_key_files`, found `jwks_url` and `jwks_file`."
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }",
            with: "{ jwks_file: acme.json, refresh: 5m, ca_file: acme.pem }",
            complaints: [
                "config.yaml:6: tenants[0].keys.refresh: expected no such key without `jwks_url`, found `refresh`. Remove it.",
                "config.yaml:6: tenants[0].keys.ca_file: expected no such key without `jwks_url`, found `ca_file`. Remove it.",
            ]),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }",
            with: "{ jwks_url: https://id.example/certs, refresh: 1h, maximum_age: 30m }",
            complaint:
                #"config.yaml:6: tenants[0].keys.maximum_age: expected a duration from 1h to 30d, found "30m"."#),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }",
            with: "{ jwks_url: https://id.example/certs, ca_file: absent.pem }",
            complaint:
                "config.yaml:6: tenants[0].keys.ca_file: expected a readable file, found absent.pem: No such file or directory."
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{ jwks_url: http://id.example/certs }",
            complaint:
                #"config.yaml:6: tenants[0].keys.jwks_url: expected an https URL such as https://id.p.newstore.net/…/protocol/openid-connect/certs, found "http://id.example/certs". Plain http is accepted on loopback only."#
        ),
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }", with: "{ jwks_url: [] }",
            complaint:
                "config.yaml:6: tenants[0].keys.jwks_url: expected an https URL such as https://id.p.newstore.net/…/protocol/openid-connect/certs, found a list."
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    algorithms: [HS256]\n",
            complaint:
                #"config.yaml:7: tenants[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, found "HS256". With a shared secret, whoever can check a token can also forge one."#
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    algorithms: [none]\n",
            complaint:
                #"config.yaml:7: tenants[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, found "none". A token without a signature can be written by anybody."#
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    algorithms: [RS265]\n",
            complaint:
                #"config.yaml:7: tenants[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, found "RS265". Did you mean `RS256`?"#
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    algorithms: []\n",
            complaint:
                "config.yaml:7: tenants[0].algorithms: expected a list with at least 1 element, found an empty one."),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    algorithms: [RS256, RS256]\n",
            complaint:
                #"config.yaml:7: tenants[0].algorithms[1]: expected each value once, found "RS256" again; it stands in line 7 already."#
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    token_kinds: [yes]\n",
            complaint:
                "config.yaml:7: tenants[0].token_kinds[0]: expected a string, found the boolean yes. Put it in quotes if it is meant as a string."
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    audiences: account\n",
            complaint: #"config.yaml:7: tenants[0].audiences: expected a list, found "account"."#),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    allow_service_accounts: no\n",
            complaint: "config.yaml:7: tenants[0].allow_service_accounts: expected true or false, found the boolean no."
        ),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    clock_skew: 11m\n",
            complaint: #"config.yaml:7: tenants[0].clock_skew: expected a duration from 0s to 10m, found "11m"."#),
        Refusal(
            replacing: "    keys: { public_key_files: [acme.pem] }\n",
            with: "    keys: { public_key_files: [acme.pem] }\n    maximum_age: 3651d\n",
            complaint: #"config.yaml:7: tenants[0].maximum_age: expected a duration from 0s to 3650d, found "3651d"."#),
    ]
}
