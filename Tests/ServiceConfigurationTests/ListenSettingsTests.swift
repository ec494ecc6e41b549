import ServiceConfiguration
import Testing
import TokenExchange

/// Who is answered where, and by which version of HTTP.
@Suite struct ListenSettingsTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    private func listen(_ yaml: String) throws -> ListenSettings {
        try folder.load(shortest + "listen: \(yaml)\n").listen
    }

    @Test func readsWhomTheOperationsListenerAnswers() throws {
        let listen = try folder.load(longest, environment: longestEnvironment).listen
        let access = listen.operationsAccess
        #expect(try access.bearer?.read() == "a-secret-from-a-file")
        #expect(access.clientAuthorities == folder.path + "/acme.pem")
        #expect(access.tls?.certificateChain == folder.path + "/chain.pem")
        let http2 = listen.http2
        #expect([http2.streams, http2.bufferBytes, http2.resetsPerMinute] == [7, 70_000, 11])
        #expect(!http2.isEnabled && http2.controlFramesPerMinute == 13)
    }

    @Test func answersThisMachineAloneUnlessTold() throws {
        let listen = try folder.load(shortest).listen
        let access = listen.operationsAccess
        #expect(!access.isGuarded && access.tls == nil)
        let http2 = listen.http2
        #expect(http2.isEnabled && http2.streams == 100 && http2.bufferBytes == 524_288)
        #expect([http2.resetsPerMinute, http2.controlFramesPerMinute] == [200, 500])
    }

    @Test(arguments: ["127.0.0.1:8081", "127.9.9.9:8081", "localhost:8081", "[::1]:8081"])
    func needsNoSecretOnLoopback(address: String) throws {
        #expect(try !listen("{ operations: \"\(address)\" }").operationsAccess.isGuarded)
        #expect(try !listen("{ operations: { address: \"\(address)\" } }").operationsAccess.isGuarded)
    }

    @Test(arguments: [
        ("open: true", false), ("bearer: { file: secret }", true),
        ("client_certificates: acme.pem, tls: { certificate_chain: chain.pem, private_key: key.pem }", true),
    ])
    func takesEachRemedyOffLoopback(more: String, isGuarded: Bool) throws {
        let listen = try listen("{ operations: { address: \"0.0.0.0:8081\", \(more) } }")
        #expect(listen.operations == HostPort(host: "0.0.0.0", port: 8081))
        #expect(listen.operationsAccess.isGuarded == isGuarded)
    }

    @Test(arguments: [
        ("{}", "{ http2: { enabled: false } }", false), ("{}", "{ http2: { streams: 99 } }", true),
        ("{ operations: { bearer: { file: secret } } }", "{ operations: { bearer: { file: long-secret } } }", false),
        ("{ operations: { bearer: { file: secret } } }", "{}", true),
        ("{ operations: \"127.0.0.1:8081\" }", "{ operations: { address: \"127.0.0.1:8082\" } }", true),
    ])
    func knowsWhatWaitsForARestart(old: String, new: String, needsRestart: Bool) throws {
        #expect(try listen(old).needsRestart(for: try listen(new)) == needsRestart)
    }
}
