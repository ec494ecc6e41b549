import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The webview kit: how it is served, and what it does in a real browser, on the page of Examples/loyalty-webview.
@Suite struct WebviewTests {
    private static let newest = kit("countersign.v2.js")

    private static func kit(_ name: String) -> String {
        "\(CountersignProcess.repository)/Sources/CountersignHTTP/Webview/\(name)"
    }

    private static func digest(of file: String) async throws -> String {
        try await CountersignProcess.run("sh", ["-c", "openssl dgst -sha384 -binary '\(file)' | base64 -w0"]).output
    }

    @Test func servesTheScriptToAnybodyForAsLongAsItsNameStays() async throws {
        let service = try await CountersignProcess.start()
        for (name, source, lifetime) in [
            ("countersign.v1.js", "countersign.v1.js", "max-age=31536000, immutable"),
            ("countersign.v2.js", "countersign.v2.js", "max-age=31536000, immutable"),
            ("countersign.js", "countersign.v2.js", "max-age=300"),
        ] {
            let file = [UInt8](try Data(contentsOf: URL(filePath: Self.kit(source))))
            #expect(file.count < 7000)
            let answer = try service.connect().request("GET", "/webview/\(name)?x=1")
            #expect(answer.status == 200 && answer.body == file)
            #expect(answer.headers["content-type"] == "text/javascript; charset=utf-8")
            #expect(answer.headers["cache-control"] == "public, \(lifetime)")
            #expect(answer.headers["access-control-allow-origin"] == "*")
            #expect(answer.headers["x-content-type-options"] == "nosniff")
            let head = try service.connect().request("HEAD", "/webview/\(name)")
            #expect(head.status == 200 && head.headers["content-length"] == String(file.count))
            #expect(head.headers["etag"] == answer.headers["etag"])
        }
    }

    @Test func sendsTheScriptOnlyToWhoHasItNot() async throws {
        let service = try await CountersignProcess.start()
        let connection = try service.connect()
        func ask(_ condition: String) throws -> HTTPAnswer {
            try connection.request("GET", "/webview/countersign.v1.js", headers: ["If-None-Match": condition])
        }
        let tag = try #require(try ask("\"other\"").headers["etag"])
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.count > 10)
        for condition in [tag, "W/\(tag)", "\"other\", \(tag)", "\"a\" ,W/\(tag) , \"b\"", "*"] {
            let answer = try ask(condition)
            #expect(answer.status == 304 && answer.body.isEmpty, "\(condition)")
            #expect(answer.headers["content-length"] == nil && answer.headers["etag"] == tag)
            #expect(answer.headers["access-control-allow-origin"] == "*" && answer.headers["cache-control"] != nil)
        }
        for condition in ["\"other\"", "", String(tag.dropLast()), "x\(tag)"] {
            #expect(try ask(condition).status == 200, "\(condition)")
        }
    }

    @Test func servesNothingElseThere() async throws {
        let service = try await CountersignProcess.start()
        func ask(_ method: String, _ path: String) throws -> HTTPAnswer {
            try service.connect().request(method, path)
        }
        for path in ["/webview/", "/webview/countersign.v0.js", "/webview/countersign.v1.js/", "/webview/../session"] {
            #expect(try ask("GET", path).errorCode == "not_found", "\(path)")
        }
        let post = try ask("POST", "/webview/countersign.v1.js")
        #expect(post.status == 405 && post.headers["allow"] == "GET, HEAD")
    }

    /// Pages that are in use name the script by its digest: other bytes would not run there.
    @Test func keepsEveryReleasedVersionToTheByte() async throws {
        let released = [
            "countersign.v1.js": "scStlz4hZMuilX6RIE+O9zYZUc0L+/I8yF6+8Kz5rzDo1/DBUb9Md68QFunLe5Cf",
            "countersign.v2.js": "xZhEeTpojK7kVJPfMOv1KhrOvMDGzSQ7IRyJbevM7ZO2M0KzdsvwsPGpsAf97ogU",
        ]
        for (name, digest) in released { #expect(try await Self.digest(of: Self.kit(name)) == digest, "\(name)") }
    }

    /// Pages name the script by its digest: what they are told has to be what is served.
    @Test func isTheScriptThatPagesAreToldToExpect() async throws {
        let digest = try await Self.digest(of: Self.newest)
        #expect(digest.count == 64)
        for file in [
            "README.md", "docs/webview.md", "Examples/loyalty-webview/page/index.html",
            "Examples/loyalty-webview/page/wishlist.html",
        ] {
            let text = try String(contentsOfFile: "\(CountersignProcess.repository)/\(file)", encoding: .utf8)
            #expect(text.contains("\"sha384-\(digest)\""), "\(file) names another digest")
        }
    }

    @Test(arguments: ["test_loyalty.py", "test_newstore.py", "test_server.py", "test_verification.py"])
    func keepsTheExamplesBackEndToItsWord(file: String) async throws {
        let result = try await CountersignProcess.run(
            CountersignProcess.python, ["\(WebviewScene.tests)/\(file)"])
        #expect(result.status == 0 && result.output.contains("\nOK\n"), "\(result.output)")
    }

    @Test func showsAPageOnlyToWhomCountersignKnows() async throws {
        let redis = try await RedisServer.start()
        let scene = try await WebviewScene.prepare(redis: redis)
        try await BrowserCases.drive("cases", atLeast: 16, scene.json)
        for token in scene.tokens {
            #expect(!scene.service.log.contains(token) && !scene.pageLog.contains(token))
        }
    }

    /// From a login over rewards, orders and returns to a day without Redis, as `make demo` shows it.
    @Test func playsTheWholeStoryOnAFakeNewStore() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        try await BrowserCases.drive("newstore_cases", atLeast: 10, try await WebviewScene.demo(of: folder))
        withExtendedLifetime(folder) {}
    }
}
