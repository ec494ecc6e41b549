extension Refusal {
    private static let remedy =
        "Write `listen.operations` as a mapping with `address` and one of: `client_certificates` beside `tls`; `bearer`, a secret for requests; `open: true` if a firewall or a network policy keeps others away."

    /// Who reaches the operations listener; HTTP/2.
    static let listening: [Refusal] = [
        Refusal(
            adding: "listen: { operations: \"0.0.0.0:8081\" }\n",
            complaint:
                "config.yaml:10: listen.operations: expected an address of this machine alone, or clients that prove who they are, found 0.0.0.0:8081 for everybody. \(remedy)"
        ),
        Refusal(
            adding: "listen: { operations: { address: \"[::]:8081\" } }\n",
            complaint:
                "config.yaml:10: listen.operations.address: expected an address of this machine alone, or clients that prove who they are, found [::]:8081 for everybody. \(remedy)"
        ),
        Refusal(
            adding: "listen: { operations: { address: operations.internal:8081, open: false } }\n",
            complaint:
                "config.yaml:10: listen.operations.address: expected an address of this machine alone, or clients that prove who they are, found operations.internal:8081 for everybody. \(remedy)"
        ),
        Refusal(
            adding: "listen: { operations: { address: \"127.0.0.1:8080\" } }\n",
            complaint:
                #"config.yaml:10: listen.operations.address: expected another address than `listen.public`, found "127.0.0.1:8080"."#
        ),
        Refusal(
            adding: "listen: { operations: { address: \"0.0.0.0:8081\", client_certificates: acme.pem } }\n",
            complaint:
                "config.yaml:10: listen.operations.tls: expected a value, found no such key. Clients show their certificates in a TLS handshake."
        ),
        Refusal(
            adding: "listen: { operations: { address: \"0.0.0.0:8081\", bearer: { file: secret }, open: true } }\n",
            complaint:
                "config.yaml:10: listen.operations.open: expected no `open: true` beside `bearer` or `client_certificates`, found the boolean true. Remove it: a listener that asks who its clients are is not open."
        ),
        Refusal(
            adding: "listen: { operations: { bearer: in-this-file } }\n",
            complaint:
                "config.yaml:10: listen.operations.bearer: expected a reference to a secret, found an inline value. Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file."
        ),
        Refusal(
            adding: "listen: { operations: { bearer: { file: key.pem } } }\n",
            complaint:
                "config.yaml:10: listen.operations.bearer: expected a secret of at least 16 characters, found a shorter one. `openssl rand -base64 32` makes a good one."
        ),
        Refusal(
            adding: "listen: { operations: { adress: \"127.0.0.1:8081\" } }\n",
            complaint:
                #"config.yaml:10: listen.operations.adress: expected a known key, found "adress". Did you mean `address`?"#
        ),
        Refusal(
            adding: "listen: { http2: { streams: 0, buffer_bytes: 65535, resets_per_minute: 10001 } }\n",
            complaints: [
                "config.yaml:10: listen.http2.streams: expected a whole number from 1 to 1000, found the number 0.",
                "config.yaml:10: listen.http2.buffer_bytes: expected a whole number from 65536 to 16777216, found the number 65535.",
                "config.yaml:10: listen.http2.resets_per_minute: expected a whole number from 1 to 10000, found the number 10001.",
            ]),
        Refusal(
            adding: "listen: { http2: off }\n",
            complaint: "config.yaml:10: listen.http2: expected a mapping, found the boolean off."),
    ]
}
