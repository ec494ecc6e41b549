package struct ListenSettings: Sendable, Equatable {
    /// Callback, sessions, introspection.
    package let `public`: HostPort
    /// Health and metrics; never to be reached from outside.
    package let operations: HostPort
    /// Of the public listener; nil for plain HTTP, behind something that ends TLS.
    package let tls: TLSFiles?

    /// Absolute paths of PEM files.
    package struct TLSFiles: Sendable, Equatable {
        package let certificateChain: String
        package let privateKey: String
    }
}

extension ListenSettings {
    static func read(_ section: MappingReader) -> ListenSettings? {
        let `public` = section.value("public", default: HostPort(host: "127.0.0.1", port: 8080)) { $0.listenAddress() }
        let operations = section.value("operations", default: HostPort(host: "127.0.0.1", port: 8081)) { reader in
            reader.listenAddress().flatMap { reader.other($0, than: `public`) }
        }
        let tls = section.optional("tls") { $0.mapping(TLSFiles.read) }
        return ListenSettings(public: `public`, operations: operations, tls: tls)
    }
}

extension ListenSettings.TLSFiles {
    static func read(_ section: MappingReader) -> Self? {
        let certificateChain = section.required("certificate_chain") { $0.file() }
        let privateKey = section.required("private_key") { $0.file(isPrivate: true) }
        guard let certificateChain, let privateKey else { return nil }
        return Self(certificateChain: certificateChain, privateKey: privateKey)
    }
}

extension NodeReader {
    fileprivate func other(_ address: HostPort, than taken: HostPort) -> HostPort? {
        guard address == taken, address.port != 0 else { return address }
        report(expected: "another address than `listen.public`")
        return nil
    }
}
