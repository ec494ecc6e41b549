/// One Redis server, without TLS.
package struct RedisSettings: Sendable {
    package let address: HostPort
    package let database: Int
    /// Of an access control list (Redis 6); nil for the server's default user.
    package let username: String?
    package let password: Secret?
    /// For one command, from its sending to its reply.
    package let commandTimeout: Duration
    /// Stands before every key, with a colon after it.
    package let keyPrefix: String
}

extension RedisSettings {
    /// - Parameter isUsed: whether the password must be at hand; a section that waits for its day need not have it.
    static func read(_ section: MappingReader, isUsed: Bool) -> RedisSettings? {
        let url = section.required("url") { $0.redisURL() }
        let username = section.optional("username") { reader in
            reader.string().flatMap { reader.onlyUsername($0, url: url) }
        }
        let password = section.optional("password") { isUsed ? $0.readableSecret() : $0.secret() }
        let commandTimeout = section.value("command_timeout", default: .milliseconds(250)) {
            $0.duration(in: .milliseconds(10)...(.seconds(10)))
        }
        let keyPrefix = section.value("key_prefix", default: "countersign") { $0.keyPrefix() }
        guard let url else { return nil }
        return RedisSettings(
            address: url.address, database: url.database, username: username ?? url.username, password: password,
            commandTimeout: commandTimeout, keyPrefix: keyPrefix)
    }
}

/// `redis://[user@]host[:port][/database]`
private struct RedisURL {
    let username: String?
    let address: HostPort
    let database: Int

    init?(afterScheme text: Substring) {
        let authority = text.prefix { $0 != "/" }
        let user = authority.lastIndex(of: "@")
        username = user.map { String(authority[..<$0]) }
        let hostAndPort = user.map { authority[$0...].dropFirst() } ?? authority
        let path = text[authority.endIndex...].dropFirst()
        guard username?.isEmpty != true, let address = HostPort(hostAndPort, defaultPort: 6379),
            path.utf8.allSatisfy(\.isASCIIDigit), let database = path.isEmpty ? 0 : Int(path), database <= 65535
        else { return nil }
        self.address = address
        self.database = database
    }
}

extension NodeReader {
    private static var laterSchemes: [String] { ["rediss", "redis-sentinel", "redis-cluster"] }

    fileprivate func redisURL() -> RedisURL? {
        let what = "a URL such as redis://127.0.0.1:6379/0"
        guard let text = string(what) else { return nil }
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts[0].lowercased()
        if Self.laterSchemes.contains(scheme) {
            report(
                expected: what, found: "\(scheme)://, which is not supported by this version",
                remedy: "Use redis:// with one server.")
        } else if scheme == "redis", parts.count == 2, parts[1].prefix(while: { $0 != "@" }).contains(":"),
            parts[1].contains("@")
        {
            report(
                expected: what, found: "a URL with a password",
                remedy: "Write `password: { env: NAME }` or `password: { file: PATH }` beside it.")
        } else if scheme == "redis", parts.count == 2, let url = RedisURL(afterScheme: parts[1]) {
            return url
        } else {
            report(expected: what)
        }
        return nil
    }

    fileprivate func onlyUsername(_ name: String, url: RedisURL?) -> String? {
        guard url?.username != nil else { return name }
        report(expected: "one user name", found: "another in `url`", remedy: "Remove one of the two.")
        return nil
    }

    /// Braces are left out on purpose: Redis Cluster gives them a meaning.
    fileprivate func keyPrefix() -> String? {
        let what = "1 to 64 letters, digits, `-`, `_`, `.` and `:`"
        guard let prefix = string(what) else { return nil }
        guard prefix.utf8.count <= 64, prefix.utf8.allSatisfy({ $0.isASCIIWordByte || "-.:".utf8.contains($0) }) else {
            report(expected: what)
            return nil
        }
        return prefix
    }
}
