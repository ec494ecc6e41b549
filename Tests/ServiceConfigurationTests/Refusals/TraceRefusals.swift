extension Refusal {
    private static func traces(_ section: String, _ key: String, _ complaint: String) -> Refusal {
        Refusal(
            adding: "traces: { endpoint: \"https://collector.example\"\(section) }\n",
            complaint: "config.yaml:10: traces.\(key): \(complaint)")
    }

    static let traces = [
        Refusal(
            adding: "traces: { sample_ratio: 1 }\n",
            complaint: "config.yaml:10: traces.endpoint: expected a value, found no such key."),
        Refusal(
            adding: "traces: { endpoint: \"http://collector.example:4318\" }\n",
            complaint:
                "config.yaml:10: traces.endpoint: expected an https URL such as https://collector.example:4318/v1/traces, found \"http://collector.example:4318\". Plain http is accepted on loopback only."
        ),
        traces(", sample_ratio: 2", "sample_ratio", "expected a number from 0 to 1, such as 0.01, found the number 2."),
        traces(
            ", headers: { Authorization: marker }", "headers.Authorization",
            "expected a reference to a secret, found an inline value. Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file."
        ),
        traces(
            ", headers: { Content-Type: { file: secret } }", "headers.Content-Type",
            "expected a header that the configuration may set, found `Content-Type`. Countersign sets it."),
        traces(
            ", sample_rate: 1", "sample_rate",
            "expected a known key, found \"sample_rate\". Did you mean `sample_ratio`?"),
        Refusal(
            adding:
                "traces: { endpoint: \"http://127.0.0.1:4318\" }\noutbound: { proxy: \"http://proxy.example:3128\" }\n",
            complaint:
                "config.yaml:11: outbound: expected `127.0.0.1` in `no_proxy`, found it absent. http://127.0.0.1:4318/v1/traces is plain http to this machine; a proxy would look for it on its own, and read it."
        ),
    ]
}
