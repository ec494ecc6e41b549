/// Where sessions are kept, with TLS if the scheme begins with `rediss`:
///
/// * `redis://[user@]host[:port][/database]`
/// * `redis-sentinel://[user@]host[:port],…/service[/database]`
/// * `redis-cluster://[user@]host[:port],…`
package struct RedisURL: Sendable, Equatable {
    /// How the servers that keep records are found.
    package enum Servers: Sendable, Equatable {
        case standalone(HostPort)
        case sentinel([HostPort], service: String)
        case cluster([HostPort])
    }

    package let servers: Servers
    /// A cluster has database 0 only.
    package let database: Int
    package let username: String?
    package let isTLS: Bool

    private enum Kind: String, CaseIterable {
        case redis
        case sentinel = "redis-sentinel"
        case cluster = "redis-cluster"

        var defaultPort: Int { self == .sentinel ? 26_379 : 6379 }
    }

    static let example =
        "a URL such as redis://127.0.0.1:6379/0, redis-sentinel://host:26379,host:26379/service "
        + "or redis-cluster://host:6379,host:6379"

    /// Nil if the text has no such form.
    init?(_ text: String) {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        isTLS = scheme.hasPrefix("rediss")
        guard let kind = Kind(rawValue: isTLS ? "redis" + scheme.dropFirst(6) : scheme) else { return nil }
        let rest = text[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let path = rest[authority.endIndex...].dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let user = authority.lastIndex(of: "@")
        username = user.map { String(authority[..<$0]) }
        let hosts = (user.map { authority[$0...].dropFirst() } ?? authority)
            .split(separator: ",", omittingEmptySubsequences: false)
        let addresses = hosts.compactMap { HostPort($0, defaultPort: kind.defaultPort) }
        guard username?.isEmpty != true, addresses.count == hosts.count, Set(addresses).count == addresses.count,
            let servers = Self.servers(kind, addresses, path),
            let database = Self.database(path.dropFirst(kind == .sentinel ? 1 : 0))
        else { return nil }
        self.servers = servers
        self.database = database
    }

    private static func servers(_ kind: Kind, _ addresses: [HostPort], _ path: [Substring]) -> Servers? {
        switch kind {
        case .redis: addresses.count == 1 ? .standalone(addresses[0]) : nil
        case .sentinel: path.first.flatMap(service).map { .sentinel(addresses, service: $0) }
        case .cluster: path.allSatisfy(\.isEmpty) ? .cluster(addresses) : nil
        }
    }

    /// As Sentinel names what it watches: letters, digits, `.`, `-` and `_`.
    private static func service(_ text: Substring) -> String? {
        let isName = !text.isEmpty && text.utf8.allSatisfy { $0.isASCIIWordByte || ".-".utf8.contains($0) }
        return isName ? String(text) : nil
    }

    /// 0 if the path ends before it.
    private static func database(_ path: ArraySlice<Substring>) -> Int? {
        guard let text = path.first, !text.isEmpty else { return path.count <= 1 ? 0 : nil }
        guard path.count == 1, text.utf8.allSatisfy(\.isASCIIDigit), let number = Int(text), number <= 65535 else {
            return nil
        }
        return number
    }

    /// Whether a password stands before the host.
    static func hasPassword(_ text: String) -> Bool {
        guard let separator = text.firstRange(of: "://") else { return false }
        let authority = text[separator.upperBound...].prefix { $0 != "/" }
        return authority.lastIndex(of: "@").map { authority[..<$0].contains(":") } ?? false
    }
}

extension NodeReader {
    /// Says of a URL with a password in it where the password belongs.
    func redisURL() -> RedisURL? {
        guard let text = string(RedisURL.example) else { return nil }
        if RedisURL.hasPassword(text) {
            report(
                expected: RedisURL.example, found: "a URL with a password",
                remedy: "Write `password: { env: NAME }` or `password: { file: PATH }` beside it.")
            return nil
        }
        guard let url = RedisURL(text) else {
            report(expected: RedisURL.example)
            return nil
        }
        return url
    }
}
