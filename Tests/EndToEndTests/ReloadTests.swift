import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// SIGHUP: whatever a reload meets, requests are served, and what was good stays.
@Suite struct ReloadTests {
    private typealias Settings = CountersignProcess.Settings

    private func reloads(_ service: CountersignProcess) -> Int {
        service.log.split(separator: "\n").count { $0.contains("configuration and keys reloaded") }
    }

    private func replaceByPipe(_ path: String) throws {
        try FileManager.default.removeItem(atPath: path)
        try #require(mkfifo(path, 0o600) == 0)
    }

    /// Keys of PKCS #8 with so many rounds take a while each.
    private func encryptKeys(in folder: TemporaryFolder) async throws {
        let signing = "\(folder.path)/signing"
        for name in try FileManager.default.contentsOfDirectory(atPath: signing) where name.hasSuffix(".pem") {
            let file = "\(signing)/\(name)"
            let made = try await CountersignProcess.run(
                "openssl",
                [
                    "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "200000", "-passout", "pass:passphrase",
                    "-in", file, "-out", file + ".new",
                ])
            #expect(made.status == 0, "\(made.output)")
            chmod(file + ".new", 0o600)
            #expect(rename(file + ".new", file) == 0)
        }
    }

    @Test func readsTwiceForFourHundredSignals() async throws {
        var settings = Settings()
        settings.algorithms = SignatureAlgorithm.minting
        settings.signing = "{ directory: signing, passphrase: { file: passphrase } }"
        let folder = try CountersignProcess.prepare(settings)
        chmod(try folder.write("passphrase", "passphrase"), 0o600)
        try await encryptKeys(in: folder)
        let service = try await CountersignProcess.start(in: folder)
        for number in 0..<400 {
            service.signal(SIGHUP)
            if number.isMultiple(of: 20) {
                #expect(try HTTPConnection(port: service.operationsPort).request("GET", "/livez").status == 200)
                #expect(try service.exchange(try ModelToken.fresh()).status == 200)
            }
        }
        try await eventually("all are followed", within: .seconds(20)) { reloads(service) == 2 }
        #expect(try service.longestLoopGap() < LoopGaps.bound)
        service.signal(SIGHUP)
        try await eventually("a later one is followed too", within: .seconds(20)) { reloads(service) == 3 }
    }

    @Test func namesASecretThatIsAPipeAndKeepsWhatItHas() async throws {
        var settings = Settings()
        settings.verifiers = [TestVerifier("backend", of: "vip-loyalty")]
        let service = try await CountersignProcess.start(settings)
        let secret = "\(service.folder.path)/backend.secret"
        try replaceByPipe(secret)
        service.signal(SIGHUP)
        try await eventually("it is said", within: .seconds(15)) {
            service.log.split(separator: "\n").contains { $0.contains("not reloaded") && $0.contains(secret) }
        }
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        #expect(try service.introspect(identity, as: settings.verifiers[0]).json["active"] as? Bool == true)
        try FileManager.default.removeItem(atPath: secret)
        chmod(try service.folder.write("backend.secret", settings.verifiers[0].secret), 0o600)
        service.signal(SIGHUP)
        try await eventually("it is taken up again") { reloads(service) == 1 }
    }

    /// Opening the pipe waits for somebody who writes, as files on a dead mount do for the mount.
    @Test func namesAFileThatHangsAndServesMeanwhile() async throws {
        let settings = Settings()
        let service = try await CountersignProcess.start(settings)
        let file = "\(service.folder.path)/countersign.yaml"
        try replaceByPipe(file)
        service.signal(SIGHUP)
        try await eventually("it is said", within: .seconds(30)) {
            let answer = try service.exchange(try ModelToken.fresh())
            #expect(answer.status == 200)
            return service.log.contains("\(file): expected a file that can be read within 5 s, found one that hangs")
        }
        try FileManager.default.removeItem(atPath: file)
        try service.folder.write("countersign.yaml", settings.yaml)
        service.signal(SIGHUP)
        try await eventually("a later reload works, though one hangs") { reloads(service) == 1 }
        try replaceByPipe(file)
        service.signal(SIGHUP)
        #expect(try await service.terminate() == 0, "a reload that hangs keeps nobody from leaving")
    }

    @Test func namesWhatWaitsForARestart() async throws {
        var settings = Settings()
        let service = try await CountersignProcess.start(settings)
        func reload(_ count: Int) async throws -> String {
            try service.folder.write("countersign.yaml", settings.yaml)
            service.signal(SIGHUP)
            try await eventually("it is reloaded") { reloads(service) == count }
            let lines = service.log.split(separator: "\n")
            let last = try #require(lines.lastIndex { $0.contains("configuration and keys reloaded") })
            return lines[last...].dropFirst().first.map(String.init) ?? ""
        }
        settings.limits = "{ requests_per_second: 7 }"
        #expect(try await reload(1) == "")
        settings.log = "{ level: debug }"
        #expect(try await reload(2).contains(#""changed settings wait for a restart","settings":"log""#))
        settings.ports.public = try freeLoopbackPort()
        settings.sessions = "{ store: memory, memory: { entries: 7 } }"
        settings.limits = "{ connections: 77, connections_per_source: 7, head_bytes: 8192, request_timeout: 7s }"
        let all =
            #""settings":"listen, log, sessions, limits.request_timeout, limits.head_bytes, limits.connections, "#
            + #"limits.connections_per_source""#
        #expect(try await reload(3).contains(all))
        settings = Settings()
        #expect(try await reload(4) == "", "as at the start")
    }

    @Test func saysThatAChangedSealingSecretWaitsForARestart() async throws {
        var settings = Settings()
        settings.sessions = "{ cache_secret: { file: cache-secret } }"
        let folder = try CountersignProcess.prepare(settings)
        func write(_ letter: String) throws {
            chmod(try folder.write("cache-secret", String(repeating: letter, count: 32)), 0o600)
        }
        try write("a")
        let service = try await CountersignProcess.start(in: folder)
        try write("b")
        service.signal(SIGHUP)
        try await eventually("it says so") {
            service.log.contains(#""changed settings wait for a restart","settings":"sessions""#)
        }
    }

    /// Whatever reloads and looks at the directory overtake one another.
    @Test func neverSignsWithARevokedKeyAgainWhileItReloads() async throws {
        let service = try await CountersignProcess.start()
        let keys = KeyOperator(folder: service.folder.path)
        let revoked = try #require(try keys.manifest().keys.first?.keyID)
        let kid = {
            let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
            return try UnverifiedToken(Array(identity.utf8), limits: TokenLimits()).jws.keyID
        }
        #expect(try kid() == revoked)
        let storm = Task {
            while !Task.isCancelled {
                service.signal(SIGHUP)
                try await Task.sleep(for: .milliseconds(3))
            }
        }
        #expect(try await keys.run("revoke", "\(revoked)").status == 0)
        try await eventually("it signs no more") { try kid() != revoked }
        for _ in 0..<300 { #expect(try kid() != revoked) }
        storm.cancel()
    }
}
