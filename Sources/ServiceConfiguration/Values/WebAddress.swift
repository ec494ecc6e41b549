/// The parts of an absolute http or https URL that the configuration's rules need.
package struct WebAddress {
    let isHTTPS: Bool
    let authority: String
    let host: String
    let port: Int?
    package let path: Substring
    package let hasUser: Bool
    package let hasQueryOrFragment: Bool

    /// Nil unless the text is such a URL (RFC 3986), in ASCII and without blanks.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !Self.excluded.contains($0) }),
            let separator = text.firstRange(of: "://"),
            let isHTTPS = ["https": true, "http": false][text[..<separator.lowerBound].lowercased()]
        else { return nil }
        let rest = text[separator.upperBound...]
        let authority = rest.prefix { !"/?#".contains($0) }
        let user = authority.lastIndex(of: "@")
        let hostAndPort = user.map { authority[$0...].dropFirst() } ?? authority
        guard let (host, port) = HostPort.parts(hostAndPort) else { return nil }
        self.isHTTPS = isHTTPS
        self.authority = String(authority)
        self.host = host.lowercased()
        self.port = port
        let afterAuthority = rest[authority.endIndex...]
        path = afterAuthority.prefix { !"?#".contains($0) }
        hasUser = user != nil
        hasQueryOrFragment = path.endIndex != afterAuthority.endIndex
    }

    private static let excluded = Set("\"<>\\^`{|}".utf8)

    /// The port, or the one of the scheme.
    var defaultedPort: Int { port ?? (isHTTPS ? 443 : 80) }

    /// Whether nobody on the network can read or change what is sent there.
    package var isProtected: Bool { isHTTPS || isLoopback }

    /// Whether it is always this machine.
    package var isLoopback: Bool { HostPort.isLoopback(host) }
}

extension NodeReader {
    /// An https URL, or an http one on loopback; without user, query and fragment. Kept byte for byte.
    func webAddress(such example: String) -> (text: String, address: WebAddress)? {
        let what = "an https URL such as \(example)"
        guard let text = string(what) else { return nil }
        guard let address = WebAddress(text), !address.hasUser, !address.hasQueryOrFragment else {
            report(expected: what + ", without user, query and fragment")
            return nil
        }
        guard address.isProtected else {
            report(expected: what, remedy: "Plain http is accepted on loopback only.")
            return nil
        }
        return (text, address)
    }
}
