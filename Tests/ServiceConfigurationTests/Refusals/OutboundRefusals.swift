extension Refusal {
    private static let proxyURL = "the URL of an HTTP proxy, such as http://proxy.example:3128"
    private static let plain =
        ": plain http, a port, nothing after it, found %. What goes through the proxy is encrypted from end to end all the same."
    private static let rule =
        "a host name, a domain, an address or a network, such as internal.example, .internal.example, 10.0.0.7 or 10.0.0.0/8; a name or an address may have a port"

    private static func outbound(_ section: String, _ key: String, _ complaint: String) -> Refusal {
        Refusal(adding: "outbound: { \(section) }\n", complaint: "config.yaml:10: outbound\(key): \(complaint)")
    }

    private static func proxy(_ url: String, _ complaint: String) -> Refusal {
        outbound("proxy: \"\(url)\"", ".proxy", "expected \(proxyURL)\(complaint)")
    }

    /// - Parameter server: what a tenant's keys come from.
    private static func behind(_ proxy: String, _ server: String, _ complaint: String) -> Refusal {
        Refusal(
            replacing: "{ public_key_files: [acme.pem] }",
            with: "{ jwks_url: \"\(server)\" }\noutbound: { proxy: \"\(proxy)\" }",
            complaint: complaint)
    }

    static let outbound = [
        proxy("proxy.example:3128", ", found \"proxy.example:3128\"."),
        proxy("socks5://proxy.example:1080", ", found \"socks5://proxy.example:1080\"."),
        proxy("https://proxy.example:3128", plain.replacing("%", with: "\"https://proxy.example:3128\"")),
        proxy("http://proxy.example", plain.replacing("%", with: "\"http://proxy.example\"")),
        proxy("http://proxy.example:3128/path", plain.replacing("%", with: "\"http://proxy.example:3128/path\"")),
        proxy(
            "http://user:marker@proxy.example:3128",
            ", found a URL with credentials. They never stand in this file: write `proxy_username` and `proxy_password: { env: NAME }`."
        ),
        outbound(
            "proxy: \"http://p:1\", proxy_username: u, proxy_password: marker", ".proxy_password",
            "expected a reference to a secret, found an inline value. Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file."
        ),
        outbound(
            "proxy: \"http://p:1\", proxy_username: \"a:b\", proxy_password: { file: secret }", ".proxy_username",
            "expected a user name without colon (RFC 7617), found \"a:b\"."),
        outbound(
            "proxy: \"http://p:1\", proxy_username: u", ".proxy_password",
            "expected a value, found no such key. Write all of `proxy`, `proxy_username`, `proxy_password`, or `proxy` alone."
        ),
        outbound(
            "proxy_username: u, proxy_password: { file: secret }", ".proxy",
            "expected a value, found no such key. Write all of `proxy`, `proxy_username`, `proxy_password`, or `proxy` alone."
        ),
        outbound("no_proxy: localhost", ".no_proxy", "expected a list, found \"localhost\"."),
        outbound("no_proxy: [\"*\"]", ".no_proxy[0]", "expected \(rule), found \"*\"."),
        outbound("no_proxy: [\"10.0.0.0/33\"]", ".no_proxy[0]", "expected \(rule), found \"10.0.0.0/33\"."),
        outbound("no_proxy: [\"https://a.example\"]", ".no_proxy[0]", "expected \(rule), found \"https://a.example\"."),
        outbound("no_proxy: [\".10.0.0.1\"]", ".no_proxy[0]", "expected \(rule), found \".10.0.0.1\"."),
        behind(
            "http://proxy.example:3128", "http://127.0.0.1:9000/certs",
            "config.yaml:7: outbound: expected `127.0.0.1` in `no_proxy`, found it absent. http://127.0.0.1:9000/certs is plain http to this machine; a proxy would look for it on its own, and read it."
        ),
        behind(
            "http://127.0.0.1:3128", "https://10.0.0.7/certs",
            "config.yaml:7: outbound: expected `10.0.0.7` in `no_proxy`, or a host name in https://10.0.0.7/certs, found neither. Through a proxy a certificate can be compared with a name only."
        ),
    ]
}
