extension Refusal {
    static let identityProviders: [Refusal] = [
        Refusal(
            replacing: "  - name: loyalty", with: "  - name: 7",
            complaint:
                "config.yaml:8: identity_providers[0].name: expected a name of 1 to 64 lower-case letters, digits, `-`, `_` and `.`, with a letter or digit in front, found the number 7. Put it in quotes if it is meant as a string."
        ),
        Refusal(
            replacing: "tenants: [acme]", with: "tenants: []",
            complaint:
                "config.yaml:9: identity_providers[0].tenants: expected a list with at least 1 element, found an empty one."
        ),
        Refusal(
            replacing: "tenants: [acme]", with: "tenants: [amce]",
            complaint:
                #"config.yaml:9: identity_providers[0].tenants[0]: expected the name of a tenant, found "amce". Did you mean `acme`?"#
        ),
        Refusal(
            replacing: "tenants: [acme]", with: "tenants: acme",
            complaint: #"config.yaml:9: identity_providers[0].tenants: expected a list, found "acme"."#),
        Refusal(
            adding: "  - { name: loyalty, tenants: [acme] }\n",
            complaint:
                #"config.yaml:10: identity_providers[1].name: expected each identity provider once, found "loyalty" again; it stands in line 8 already."#
        ),
        Refusal(
            adding: "    mode: Optional\n",
            complaint:
                #"config.yaml:10: identity_providers[0].mode: expected one of strict, optional, found "Optional". Did you mean `optional`?"#
        ),
        Refusal(
            adding: "    deadline: 50ms\n",
            complaint:
                #"config.yaml:10: identity_providers[0].deadline: expected a duration from 100ms to 30s, found "50ms"."#
        ),
        Refusal(
            adding: "    hosts: [\"https://acme.example\"]\n",
            complaint:
                #"config.yaml:10: identity_providers[0].hosts[0]: expected a host name without scheme and port, found "https://acme.example"."#
        ),
        Refusal(
            adding: "    hosts: [a.example]\n  - { name: notes, tenants: [acme], hosts: [A.example] }\n",
            complaint:
                #"config.yaml:11: identity_providers[1].hosts[0]: expected each host once, found "a.example" again; it stands in line 10 already."#
        ),
        Refusal(
            adding: "    token: { kind: upstream }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.upstream: expected a value, found no such key. `kind: upstream` needs `upstream: { url: …, token_at: … }` beside it."
        ),
        Refusal(
            adding:
                "    token: { kind: upstream, audience: x, upstream: { url: \"http://x.example/\", token_at: token } }\n",
            complaints: [
                "config.yaml:10: identity_providers[0].token.audience: expected no such key beside `kind: upstream`, found it. The internal service decides it; remove the key.",
                #"config.yaml:10: identity_providers[0].token.upstream.url: expected an https URL such as https://loyalty.acme.example/api/tokens, found "http://x.example/". Plain http is accepted on loopback only."#,
                #"config.yaml:10: identity_providers[0].token.upstream.token_at: expected a JSON pointer (RFC 6901) such as /access_token, found "token"."#,
            ]),
        Refusal(
            adding: "    token: { upstream: { url: \"https://x.example\", token_at: /t } }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.upstream: expected no such key beside `kind: jwt`, found it. Remove the key, or use `kind: upstream`."
        ),
        upstream(
            "headers: { X-Key: MARKER-a-secret }",
            "headers.X-Key: expected where the value comes from, found an inline value. Write { from: … }, { first_of: […] }, { value: … }, { env: NAME }, { file: PATH } or { identity: true }."
        ),
        upstream(
            "headers: { Host: { value: x } }",
            "headers.Host: expected a header that the configuration may set, found `Host`. Content-Type follows from `format`; X-Request-Id and traceparent are passed on."
        ),
        upstream(
            "headers: { X-Key: { env: NOWHERE } }",
            "headers.X-Key.env: expected a value in the environment variable NOWHERE, found it unset. Set it before the start."
        ),
        upstream(
            "body: { a: { from: sub, identity: true } }",
            "body.a: expected exactly one of `from`, `first_of`, `value`, `env`, `file`, `identity`, `access_token`, found `from` and `identity`."
        ),
        upstream(
            "body: { a: { identity: false } }",
            "body.a.identity: expected true, found the boolean false. Remove the key otherwise."),
        upstream(
            "body: { a: { value: x, required: true } }",
            "body.a.required: expected no `required` but beside `from` and `first_of`, found it. Remove the key."),
        upstream(
            "method: GET, body: { a: { value: x } }",
            "body: expected no `body` beside `method: GET`, found it. Use headers, or another method."),
        upstream(
            "expires_in_at: /a, expires_at_at: /b",
            "expires_at_at: expected one of `expires_in_at` and `expires_at_at`, found both. Remove one of them."),
        upstream(
            "headers: { A: { access_token: true } }",
            ": expected `access_token: { url: … }` beside `{ access_token: true }`, found `A` without it."),
        upstream(
            "preset: oauth_token_exchange, method: GET",
            "method: expected POST or PUT for the preset oauth_token_exchange, found GET. Its grant is the body, and GET has none."
        ),
        upstream(
            "preset: oauth_jwt_bearer, method: GET",
            "method: expected POST or PUT for the preset oauth_jwt_bearer, found GET. Its grant is the body, and GET has none."
        ),
        upstream(
            "preset: oauth_client_credentials, access_token: { url: \"https://x.example\", method: GET }",
            "access_token.method: expected POST or PUT for the preset oauth_client_credentials, found GET. Its grant is the body, and GET has none."
        ),
        upstream(
            "headers: { A: { access_token: true } }, access_token: { url: \"https://x.example\", method: GET, body: { a: { value: x } } }",
            "access_token.body: expected no `body` beside `method: GET`, found it. Use headers, or another method."),
        upstream(
            "body: { a: { value: x } }, access_token: { url: \"https://x.example\" }",
            #"access_token: expected a header or a member of the body with `{ access_token: true }`, found none. Send the token, as in `headers: { Authorization: { access_token: true, prefix: "Bearer " } }`, or remove the call."#
        ),
        upstream(
            "preset: oauth_client_credentials, access_token: { url: \"https://x.example\" }, headers: { authorization: { value: x } }",
            "access_token: expected a header or a member of the body with `{ access_token: true }`, found none. Your `Authorization` takes the place of the preset's; remove it, or send the token elsewhere."
        ),
        // What is wrong already is not unused as well.
        upstream(
            "headers: { A: { access_token: false } }, access_token: { url: \"https://x.example\" }",
            "headers.A.access_token: expected true, found the boolean false. Remove the key otherwise."),
        upstream("headers: { A: { value: \"é\" } }", "headers.A.value: \(noHeaderText)"),
        upstream("headers: { A: { value: [a, \"b\\r\\nc\"] } }", "headers.A.value: \(noHeaderText)"),
        upstream("headers: { A: { value: { b: \"\\x7F\" } } }", "headers.A.value: \(noHeaderText)"),
        upstream("headers: { A: { from: sub, prefix: \"Bearer\\t\" } }", "headers.A.prefix: \(noHeaderText)"),
        upstream(
            "headers: { A: { env: TWO_LINES } }",
            "headers.A.env: expected a secret without control characters, found one within that of the environment variable TWO_LINES. Only blanks, tabs and newlines at either end are left out."
        ),
        upstream("headers: { A: { env: UMLAUT } }", "headers.A.env: \(noHeaderText)"),
        upstream(
            "access_token: { url: \"https://x.example\", headers: { B: { value: \"\\n\" } } }, headers: { A: { access_token: true } }",
            "access_token.headers.B.value: \(noHeaderText)"),
        upstream(
            "headers: { A: { access_token: true } }, access_token: { url: \"https://x.example\", body: { a: { from: sub } } }",
            "access_token: expected constants and secrets only, found `a` from somewhere else. The access token is the same for everybody, so it cannot depend on an identity."
        ),
        upstream(
            "success_statuses: [404]",
            "success_statuses[0]: expected a whole number from 200 to 299, found the number 404."),
        upstream("attempts: 6", "attempts: expected a whole number from 1 to 5, found the number 6."),
        Refusal(
            adding: "    token: { kind: random }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.kind: expected one of jwt, opaque, upstream, found "random"."#
        ),
        Refusal(
            adding: "    token: { kind: opaque, audience: a, maximum_bytes: 1024 }\n",
            complaints: [
                "config.yaml:10: identity_providers[0].token.audience: expected no such key beside `kind: opaque`, found it. An opaque token is a random string; remove the key, or use `kind: jwt`.",
                "config.yaml:10: identity_providers[0].token.maximum_bytes: expected no such key beside `kind: opaque`, found it. An opaque token is a random string; remove the key, or use `kind: jwt`.",
            ]),
        Refusal(
            adding: "    token: { lifetime: 1500ms }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.lifetime: expected a duration from 1s to 1d in whole seconds, found "1500ms"."#
        ),
        Refusal(
            adding: "    token: { lifetime: 25h }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.lifetime: expected a duration from 1s to 1d in whole seconds, found "25h"."#
        ),
        Refusal(
            adding: "    token: { algorithm: RS512 }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.algorithm: expected one of ES256, ES384, RS256, PS256, EdDSA, found "RS512"."#
        ),
        Refusal(
            adding: "    token: { algorithm: HS256 }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.algorithm: expected one of ES256, ES384, RS256, PS256, EdDSA, found "HS256". With a shared secret, whoever can check a token can also forge one."#
        ),
        Refusal(
            adding: "    token: { maximum_bytes: 64 }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.maximum_bytes: expected a whole number from 128 to 8192, found the number 64."
        ),
        Refusal(
            adding: "    token: { claims: { iss: { from: iss } } }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.claims.iss: expected a claim that Countersign does not set itself, found "iss". These names are taken: active, aud, cnf, exp, iat, identity_provider, iss, jti, nbf, session, sub, tenant."#
        ),
        Refusal(
            adding: "    token: { claims: { a: email } }\n",
            complaint: #"config.yaml:10: identity_providers[0].token.claims.a: expected a mapping, found "email"."#),
        Refusal(
            adding: "    token: { claims: { a: { form: email } } }\n",
            complaints: [
                "config.yaml:10: identity_providers[0].token.claims.a: expected exactly one of `from`, `first_of`, `value`, found none of them.",
                #"config.yaml:10: identity_providers[0].token.claims.a.form: expected a known key, found "form". Did you mean `from`?"#,
            ]),
        Refusal(
            adding: "    token: { claims: { a: { from: email, value: x } } }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.claims.a: expected exactly one of `from`, `first_of`, `value`, found `from` and `value`."
        ),
        Refusal(
            adding: "    token: { claims: { a: { value: x, required: true } } }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.claims.a.required: expected no `required` beside `value`, found it. A constant is always there; remove the key."
        ),
        Refusal(
            adding: "    token: { claims: { a: { first_of: [] } } }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.claims.a.first_of: expected a list with at least 1 element, found an empty one."
        ),
        Refusal(
            adding: "    token: { claims: { a: { from: [] } } }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.claims.a.from: expected a list with at least 1 element, found an empty one."
        ),
        Refusal(
            adding: "    token: { claims: { \"a b\": { value: yes } } }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].token.claims."a b".value: expected a value as JSON writes it, found the boolean yes. Write true, false or a decimal number, or put it in quotes if it is meant as a string."#
        ),
        Refusal(
            adding: "    token: { claims: { a: { value: .inf } } }\n",
            complaint:
                "config.yaml:10: identity_providers[0].token.claims.a.value: expected a value as JSON writes it, found the number .inf. Write true, false or a decimal number, or put it in quotes if it is meant as a string."
        ),
        Refusal(
            adding: "    conditions: [{ contains: a }]\n",
            complaint: "config.yaml:10: identity_providers[0].conditions[0].claim: expected a value, found no such key."
        ),
        Refusal(
            adding: "    conditions: [{ claim: a }]\n",
            complaint:
                "config.yaml:10: identity_providers[0].conditions[0]: expected exactly one of `contains`, `equals`, `any_of`, `matches`, found none of them."
        ),
        Refusal(
            adding: "    conditions: [{ claim: a, contains: b, equals: c }]\n",
            complaint:
                "config.yaml:10: identity_providers[0].conditions[0]: expected exactly one of `contains`, `equals`, `any_of`, `matches`, found `contains` and `equals`."
        ),
        Refusal(
            adding: "    conditions: [{ claim: a, contains: [b] }]\n",
            complaint:
                "config.yaml:10: identity_providers[0].conditions[0].contains: expected a string, a number, a boolean or null, found a list."
        ),
        Refusal(
            adding: "    conditions: [{ claim: a, matches: \"(\" }]\n",
            complaint:
                #"config.yaml:10: identity_providers[0].conditions[0].matches: expected a regular expression in extended POSIX syntax, found "(". A `(` is not closed; write `\(` for the character itself."#
        ),
        Refusal(
            adding: "    conditions: [{ claim: a, matches: '(a+)\\1' }]\n",
            complaint:
                #"config.yaml:10: identity_providers[0].conditions[0].matches: expected a regular expression in extended POSIX syntax, found "(a+)\1". A back-reference (`\1`) cannot be matched in linear time."#
        ),
        Refusal(
            adding: "    conditions: [{ claim: a, matches: '(a{1,1000}){1,1000}' }]\n",
            complaint:
                #"config.yaml:10: identity_providers[0].conditions[0].matches: expected a regular expression in extended POSIX syntax, found "(a{1,1000}){1,1000}". With its repetitions written out, a pattern has at most 1000 steps."#
        ),
        Refusal(
            adding: "    conditions: [{ claim: a, equals: null }]\n",
            complaint:
                "config.yaml:10: identity_providers[0].conditions[0].equals: expected a value to compare with, found nothing. Null counts as absent, and a condition on an absent claim never holds."
        ),
        Refusal(
            adding: "    webview: { origins: [https://a.example/] }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].webview.origins[0]: expected an origin: scheme, host and port, found "https://a.example/". Remove the path, a lone slash included."#
        ),
        Refusal(
            adding: "    webview: { origins: [\"https://a.example:443\"] }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].webview.origins[0]: expected an origin without its scheme's own port, found "https://a.example:443". Browsers leave that port out."#
        ),
        Refusal(
            adding: "    webview: { origins: [http://a.example] }\n",
            complaint:
                #"config.yaml:10: identity_providers[0].webview.origins[0]: expected an https URL such as https://loyalty.acme.example, found "http://a.example". Plain http is accepted on loopback only."#
        ),
    ]

    private static let noHeaderText =
        "expected printable ASCII, as a header has it, found other characters. They can stand in the body only."

    private static func upstream(_ keys: String, _ complaint: String) -> Refusal {
        let separator = complaint.hasPrefix(":") ? "" : "."
        return Refusal(
            adding:
                "    token: { kind: upstream, upstream: { url: \"https://x.example/t\", token_at: /t, \(keys) } }\n",
            complaint: "config.yaml:10: identity_providers[0].token.upstream\(separator)\(complaint)")
    }
}
