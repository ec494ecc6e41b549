extension Refusal {
    static let verifiers: [Refusal] = [
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty] }\n",
            complaint: "config.yaml:11: verifiers[0].secret: expected a value, found no such key."),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: marker-0123456789 }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a reference to a secret, found an inline value. Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: [marker-0123456789] }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a reference to a secret, found a list. Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { marker-0123456789 } }\n",
            complaints: [
                "config.yaml:11: verifiers[0].secret: expected exactly one of `env`, `file`, found none of them.",
                "config.yaml:11: verifiers[0].secret: expected no other keys than env, file, found another one.",
            ]),
        Refusal(
            adding:
                "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { value: marker-0123456789 } }\n",
            complaints: [
                "config.yaml:11: verifiers[0].secret: expected exactly one of `env`, `file`, found none of them.",
                "config.yaml:11: verifiers[0].secret: expected no other keys than env, file, found another one.",
            ]),
        Refusal(
            adding:
                "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { env: marker-0123456789 } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret.env: expected the name of an environment variable (letters, digits, `_`), found an inline value."
        ),
        Refusal(
            adding:
                "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { env: A, file: secret } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected exactly one of `env`, `file`, found `env` and `file`."),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { env: NOT_SET } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a value in the environment variable NOT_SET, found it unset. Set it before the start."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { env: EMPTY } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a value in the environment variable EMPTY, found it empty. Set it before the start."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { env: SHORT } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a secret of at least 16 characters, found a shorter one. `openssl rand -base64 32` makes a good one."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { file: absent } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a readable file, found absent: No such file or directory."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { file: acme.pem } }\n",
            complaint:
                "config.yaml:11: verifiers[0].secret: expected a file that other users cannot read, found acme.pem, readable by everybody. Run `chmod 600` on it, and replace what it holds if others use this machine."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [loyalti], secret: { file: secret } }\n",
            complaint:
                #"config.yaml:11: verifiers[0].identity_providers[0]: expected the name of an identity provider, found "loyalti". Did you mean `loyalty`?"#
        ),
        Refusal(
            adding: "verifiers:\n  - { id: backend, identity_providers: [], secret: { file: secret } }\n",
            complaint:
                "config.yaml:11: verifiers[0].identity_providers: expected a list with at least 1 element, found an empty one."
        ),
        Refusal(
            adding: "verifiers:\n  - { id: \"a:b\", identity_providers: [loyalty], secret: { file: secret } }\n",
            complaint:
                #"config.yaml:11: verifiers[0].id: expected a name of 1 to 64 lower-case letters, digits, `-`, `_` and `.`, with a letter or digit in front, found "a:b"."#
        ),
        Refusal(
            adding:
                "verifiers:\n  - { id: backend, identity_providers: [loyalty], secret: { file: secret }, may_revoke: own }\n",
            complaint: #"config.yaml:11: verifiers[0].may_revoke: expected true, false or all, found "own"."#),
        Refusal(
            adding:
                "verifiers:\n  - { id: a, identity_providers: [loyalty], secret: { file: secret } }\n  - { id: a, identity_providers: [loyalty], secret: { file: secret } }\n",
            complaint:
                #"config.yaml:12: verifiers[1].id: expected each verifier once, found "a" again; it stands in line 11 already."#
        ),
    ]
}
