/// `keys` with a `jwks_url`: where an issuer publishes its keys, and how long they are kept.
package struct RemoteKeySettings: Sendable, Hashable {
    /// https, or http on loopback.
    package let url: String
    /// The age at which a set is fetched again.
    package let refresh: Duration
    /// The age beyond which no set is used; at least `refresh`.
    package let maximumAge: Duration
    /// Between fetches for unknown `kid`s, and the longest wait after a failed fetch.
    package let cooldown: Duration
    /// For one fetch, from the lookup of the name to the last byte.
    package let timeout: Duration
    /// Absolute path of a file that could be read; nil for the system's roots.
    package let certificateAuthorityFile: String?
}

extension RemoteKeySettings {
    /// The keys that are only allowed beside `jwks_url`.
    static var companions: [String] { ["refresh", "maximum_age", "cooldown", "timeout", "ca_file"] }

    private static let day = Duration.seconds(86_400)

    /// - Parameters:
    ///   - section: the mapping that holds `jwks_url`.
    ///   - url: its value.
    static func read(_ section: MappingReader, url: NodeReader) -> RemoteKeySettings? {
        let url = url.webAddress(such: "https://id.p.newstore.net/…/protocol/openid-connect/certs")?.text
        let refresh = section.value("refresh", default: .seconds(300)) { $0.duration(in: .seconds(1)...day) }
        let maximumAge = section.value("maximum_age", default: max(day, refresh)) {
            $0.duration(in: refresh...(day * 30))
        }
        let cooldown = section.value("cooldown", default: .seconds(10)) {
            $0.duration(in: .seconds(1)...(.seconds(600)))
        }
        let timeout = section.value("timeout", default: .seconds(2)) {
            $0.duration(in: .milliseconds(100)...(.seconds(30)))
        }
        let certificateAuthorityFile = section.optional("ca_file") { $0.file() }
        guard let url else { return nil }
        return RemoteKeySettings(
            url: url, refresh: refresh, maximumAge: maximumAge, cooldown: cooldown, timeout: timeout,
            certificateAuthorityFile: certificateAuthorityFile)
    }
}
