extension Refusal {
    static let documents: [Refusal] = [
        Refusal(
            replacing: "public_url", with: "public_ulr",
            complaints: [
                "config.yaml:1: public_url: expected a value, found no such key.",
                #"config.yaml:1: public_ulr: expected a known key, found "public_ulr". Did you mean `public_url`?"#,
            ]),
        Refusal(
            adding: "cache: true\n",
            complaint:
                #"config.yaml:10: cache: expected a known key, found "cache". The keys here are public_url, listen, default_identity_provider, log, audit, limits, shutdown, outbound, signing, sessions, tenants, identity_providers, verifiers, probe, traces."#
        ),
        Refusal(
            adding: "log: { levle: info }\n",
            complaint: #"config.yaml:10: log.levle: expected a known key, found "levle". Did you mean `level`?"#),
        Refusal(
            adding: "log:\n",
            complaint: "config.yaml:10: log: expected a mapping, found nothing."),
        Refusal(
            adding: "log: [info]\n",
            complaint: "config.yaml:10: log: expected a mapping, found a list."),
        Refusal(
            adding: "log: text\n",
            complaint: #"config.yaml:10: log: expected a mapping, found "text"."#),
        Refusal(
            adding: "signing: { directory: other }\n",
            complaint:
                #"config.yaml:2: expected each key of a mapping once, found "signing" here and again further down. Remove one of the two."#
        ),
        Refusal(
            adding: "log: { level: info, level: debug }\n",
            complaint:
                #"config.yaml:10: expected each key of a mapping once, found "level" here and again further down. Remove one of the two."#
        ),
        Refusal(
            adding: "log: { level: info\n",
            complaint:
                "config.yaml:11: expected YAML, found a syntax error: while parsing a flow mapping, did not find expected ',' or '}'. Look at this line and the one above it: indentation, quotes, brackets."
        ),
        Refusal(
            adding: "\tlog: info\n",
            complaint:
                "config.yaml:10: expected YAML, found a syntax error: while scanning for the next token, found character that cannot start any token. Look at this line and the one above it: indentation, quotes, brackets."
        ),
        Refusal(
            adding: "log: &anchor { level: info }\nlimits: *anchor\n",
            complaint:
                "config.yaml:10: expected a document without anchors and aliases, found an anchor. Write the value out at each place."
        ),
        Refusal(
            adding: "log: { <<: { level: info } }\n",
            complaint: "config.yaml:10: log: expected keys, found a merge (`<<`). Write the keys out."),
        Refusal(
            adding: "1: 2\n",
            complaint: "config.yaml:10: expected a key that is a string, found the number 1. Put it in quotes."),
        Refusal(
            adding: "log: { level: !secret x }\n",
            complaint:
                #"config.yaml:10: log.level: expected one of trace, debug, info, warning, error, found a value tagged "!secret"."#
        ),
        Refusal(
            adding: "---\nlog: { level: info }\n",
            complaint:
                "config.yaml:10: expected YAML, found a syntax error: expected a single document in the stream, but found another document. Look at this line and the one above it: indentation, quotes, brackets."
        ),
    ]
}
