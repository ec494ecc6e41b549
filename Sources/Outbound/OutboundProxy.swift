import FoundationEssentials
package import TokenExchange

/// An HTTP proxy, which opens a tunnel to each server (RFC 9110 §9.3.6).
package struct OutboundProxy: Sendable, Equatable {
    /// For `Proxy-Authorization: Basic`.
    package struct Credentials: Sendable, Equatable {
        let username: String
        let password: UpstreamSecret

        /// The password is read again for each connection.
        package init(username: String, password: UpstreamSecret) {
            self.username = username
            self.password = password
        }
    }

    let host: String
    let port: Int
    /// Nil for a proxy that asks for none.
    let credentials: Credentials?

    /// An IPv6 address has no brackets.
    package init(host: String, port: Int, credentials: Credentials? = nil) {
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// As causes name it.
    var name: String { "proxy \(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// The value of `Proxy-Authorization` (RFC 7617), of the password as it is now; nil for none.
    func authorization(within limit: Duration) async throws(OutboundFault) -> String? {
        guard let credentials else { return nil }
        do {
            let password = try await credentials.password.read(limit)
            return "Basic " + Data("\(credentials.username):\(password)".utf8).base64EncodedString()
        } catch { throw OutboundFault(.notSent, "\(error)").blaming(self) }
    }
}
