import Foundation
import TestSupport
import Testing

/// Where the real program says what it is.
@Suite struct ProgramVersionTests {
    private typealias Settings = CountersignProcess.Settings

    @Test func namesItsPartsAsTheyAreLoaded() async throws {
        let result = try await CountersignProcess.run("--version")
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n")
        #expect(lines.first?.wholeMatch(of: /countersign \d+\.\d+\.\d+/) != nil)
        let patterns = [
            #"commit: ([0-9a-f]{40}|unknown)"#, #"Swift: 6\.\d"#,
            #"OpenSSL: 3\.\S+ .* \(/.*/libcrypto\.so\.3\S*\)"#,
            #"libjwt: /.*/libjwt\.so\.\S+"#, #"hiredis: /.*/libhiredis\.so\.\S+"#,
        ]
        #expect(lines.count == patterns.count + 1, "\(result.output)")
        for (line, pattern) in zip(lines.dropFirst(), patterns) {
            #expect(try line.wholeMatch(of: Regex(pattern)) != nil, "\(line)")
        }
        let openssl = try await CountersignProcess.run("openssl", ["version"])
        let loaded = try #require(lines[3].firstMatch(of: /OpenSSL: (.*) \(/)).1
        #expect(openssl.output.contains(loaded), "another program loads the same: \(openssl.output)")
    }

    @Test func tellsItsVersionToOperatorsAndToOtherServers() async throws {
        let issuer = try await FakeHTTPServer.start(.garbage, FakeHTTPServer.Settings())
        var settings = Settings()
        settings.keys = "{ jwks_url: \"http://127.0.0.1:\(issuer.port)/certs\" }"
        let service = try await CountersignProcess.start(settings)
        let version = try await CountersignProcess.run("--version").output.split(separator: "\n")[0].split(
            separator: " ")[1]
        let first = try #require(service.log.split(separator: "\n").first)
        #expect(first.contains(#""message":"starting""#) && first.contains(#""version":"\#(version)""#), "\(first)")
        #expect(first.contains(#""commit":""#) && first.contains("libcrypto.so.3") && first.contains("libjwt.so."))
        #expect(try service.readiness().json["version"] as? String == String(version))
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(try metrics.contains(Regex(#"(?m)^countersign_build_info\{[^}]*version="\#(version)""#)))
        try await eventually("key sets are fetched") { !issuer.requests.isEmpty }
        #expect(issuer.requests.first?.header("User-Agent") == "countersign/\(version)")
        #expect(try await service.terminate() == 0)
        try await issuer.stop()
    }
}
