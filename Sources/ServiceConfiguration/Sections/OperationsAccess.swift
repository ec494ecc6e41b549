package import TokenExchange

/// Whom the operations listener answers, as `listen.operations` says it.
package struct OperationsAccess: Sendable, Equatable {
    /// The secret that requests must present; nil if they need none. Has at least 16 characters.
    package let bearer: Secret?
    /// PEM file of the authorities whose certificates clients must have; nil if they need none.
    package let clientAuthorities: String?
    /// Nil for plain HTTP.
    package let tls: TLSFiles?

    /// Everybody who reaches it.
    static let open = OperationsAccess(bearer: nil, clientAuthorities: nil, tls: nil)

    /// Whether a client must prove who it is.
    package var isGuarded: Bool { bearer != nil || clientAuthorities != nil }

    /// What only a restart changes: what there is, not in which files.
    var kinds: [Bool] { [bearer != nil, clientAuthorities != nil, tls != nil] }
}

/// `listen.operations`: an address, or a mapping with one and with whom the listener answers.
struct OperationsListener {
    let address: HostPort
    let access: OperationsAccess

    static let `default` = OperationsListener(address: HostPort(host: "127.0.0.1", port: 8081), access: .open)

    /// - Parameter taken: the address of the public listener.
    static func read(_ reader: NodeReader, besides taken: HostPort) -> OperationsListener? {
        if reader.isMapping { return reader.mapping { read($0, besides: taken) } }
        guard let address = reader.listenAddress(besides: taken) else { return nil }
        reader.require(.open, isOpen: false, at: address)
        return OperationsListener(address: address, access: .open)
    }

    private static func read(_ section: MappingReader, besides taken: HostPort) -> OperationsListener? {
        let address = section.value("address", default: Self.default.address) { $0.listenAddress(besides: taken) }
        let isOpen = section.value("open", default: false) { $0.boolean() }
        let bearer = section.optional("bearer") { $0.secret(atLeast: 16) }
        let clientAuthorities = section.optional("client_certificates") { $0.file() }
        let tls = section.optional("tls") { $0.mapping(TLSFiles.read) }
        let access = OperationsAccess(bearer: bearer, clientAuthorities: clientAuthorities, tls: tls)
        if section.reader("client_certificates") != nil, section.reader("tls") == nil {
            section.missing("tls", remedy: "Clients show their certificates in a TLS handshake.")
        }
        let asks = ["bearer", "client_certificates"].contains { section.reader($0) != nil }
        if isOpen, asks {
            section.reader("open")?.report(
                expected: "no `open: true` beside `bearer` or `client_certificates`",
                remedy: "Remove it: a listener that asks who its clients are is not open.")
        } else if !asks {
            (section.reader("address") ?? section.place).require(access, isOpen: isOpen, at: address)
        }
        return OperationsListener(address: address, access: access)
    }
}

extension NodeReader {
    /// An address that the public listener does not have.
    fileprivate func listenAddress(besides taken: HostPort) -> HostPort? {
        guard let address = listenAddress() else { return nil }
        guard address == taken, address.port != 0 else { return address }
        report(expected: "another address than `listen.public`")
        return nil
    }

    /// Reports an address that others reach, unless clients must prove who they are or the file says that this is meant.
    fileprivate func require(_ access: OperationsAccess, isOpen: Bool, at address: HostPort) {
        guard !HostPort.isLoopback(address.host), !access.isGuarded, !isOpen else { return }
        report(
            expected: "an address of this machine alone, or clients that prove who they are",
            found: "\(address) for everybody",
            remedy:
                "Write `listen.operations` as a mapping with `address` and one of: `client_certificates` beside "
                + "`tls`; `bearer`, a secret for requests; `open: true` if a firewall or a network policy keeps "
                + "others away.")
    }
}
