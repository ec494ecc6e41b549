import Glibc

/// A host name or IP address (IPv6 without brackets) and a TCP port.
package struct HostPort: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: Int

    /// - Parameter host: an IPv6 address without brackets.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, with brackets around an IPv6 address.
    package var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

extension HostPort {
    /// Reads `host:port`; the port may be absent if there is a default.
    init?(_ text: some StringProtocol, defaultPort: Int? = nil) {
        guard let (host, port) = Self.parts(text), let port = port ?? defaultPort else { return nil }
        self.init(host: host, port: port)
    }

    /// The host without brackets; nil as port if the text has none.
    static func parts(_ text: some StringProtocol) -> (host: String, port: Int?)? {
        let isBracketed = text.hasPrefix("[")
        let hostEnd = isBracketed ? text.firstIndex(of: "]") : text.firstIndex(of: ":") ?? text.endIndex
        guard let hostEnd else { return nil }
        let host = String(isBracketed ? text[..<hostEnd].dropFirst() : text[..<hostEnd])
        guard isBracketed ? isIPv6(host) : isHost(host) else { return nil }
        let rest = isBracketed ? text[hostEnd...].dropFirst() : text[hostEnd...]
        if rest.isEmpty { return (host, nil) }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.count <= 5, digits.utf8.allSatisfy(\.isASCIIDigit),
            let port = Int(digits), port <= 65535
        else { return nil }
        return (host, port)
    }

    /// A host name (RFC 1123 §2.1, and underscores, which container networks use) or an IPv4 address.
    static func isHost(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last else { return false }
        if last.utf8.allSatisfy(\.isASCIIDigit) { return isIPv4(text) }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { $0.isASCIIWordByte || $0 == UInt8(ascii: "-") }
        }
    }

    /// Whether this host is always this machine.
    package static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || isIPv4(host) && host.hasPrefix("127.") || host == "::1"
    }

    /// Whether it is an IP address, so not a name.
    static func isAddress(_ host: String) -> Bool { isIPv4(host) || isIPv6(host) }

    private static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    private static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1
    }
}

extension NodeReader {
    /// An address to listen on. With port 0 the operating system chooses.
    func listenAddress() -> HostPort? {
        let what = "an address as host:port, such as 127.0.0.1:8080 or \"[::]:8080\""
        guard let text = string(what) else { return nil }
        guard let address = HostPort(text) else {
            report(expected: what)
            return nil
        }
        return address
    }

    /// A host name or IPv4 address without port, in lower case.
    func hostName() -> String? {
        let what = "a host name without scheme and port"
        guard let text = string(what) else { return nil }
        guard HostPort.isHost(text) else {
            report(expected: what)
            return nil
        }
        return text.lowercased()
    }
}
