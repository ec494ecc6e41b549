import CountersignHTTP
import HTTPTypes
import Testing
import TokenExchange

/// What somebody sees who opens the public address in a browser.
@Suite struct FrontPageTests {
    /// As Chromium sends it.
    private static let browser =
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

    @Test(arguments: [browser, "TEXT/HTML", "application/json;q=0.1 , text/html ; q=0.2"])
    func showsABrowserAPage(accepted: String) async throws {
        let (reply, problem) = try await RoutesBench().answer(.get, "/", [.accept: accepted])
        #expect(problem == nil && reply.status == .ok && reply.headers[.contentType] == "text/html; charset=utf-8")
        let text = String(decoding: reply.body, as: UTF8.self)
        #expect(text.contains("<h1>Countersign</h1>") && text.contains(".well-known/jwks.json"))
        #expect(!text.contains("1.0.0") && !text.contains("vip-loyalty") && !text.contains("<script"))
    }

    @Test(arguments: ["*/*", "application/json", "text/*", "text/html;q=0", "text/htmlx", ""])
    func givesProgramsTheProblemDocument(accepted: String) async throws {
        let (reply, problem) = try await RoutesBench().answer(.get, "/", [.accept: accepted])
        #expect(problem?.code == .methodNotAllowed && reply.headers[.allow] == "POST")
    }

    @Test func leavesTheCallbackByHostAsItIs() async throws {
        let (_, problem) = try await RoutesBench().answer(.post, "/", [.accept: Self.browser])
        #expect(problem?.code == .identityProviderUnknown)
    }

    @Test func neitherSpendsAnAllowanceNorNeedsOne() async throws {
        let bench = RoutesBench()
        for _ in 0..<500 { #expect(try await bench.answer(.get, "/", [.accept: Self.browser]).0.status == .ok) }
        #expect(try await bench.answer(.get, "/nowhere").1?.code == .notFound, "nothing is spent yet")
        bench.bar()
        #expect(try await bench.answer(.get, "/", [.accept: Self.browser]).0.status == .ok)
    }

    @Test func forbidsThePageEverythingThatItDoesNotNeed() async throws {
        let headers = try await RoutesBench().answer(.get, "/", [.accept: Self.browser]).0.headers
        let policy = try #require(headers[.contentSecurityPolicy])
        #expect(policy.hasPrefix("default-src 'none'; style-src 'sha256-"))
        #expect(!policy.contains("unsafe") && !policy.contains("script-src"))
        #expect(headers[.xContentTypeOptions] == "nosniff" && headers[.cacheControl] == "no-store")
        #expect(headers[.vary] == "Accept")
    }
}
