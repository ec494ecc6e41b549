import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing

/// What anybody may fetch: for pages of any origin, and not again by whoever has it.
@Suite struct PublicDocumentTests {
    private static let paths = [
        "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/webview/countersign.v1.js",
    ]

    private func ask(
        _ path: String, _ condition: String? = nil, _ method: HTTPRequest.Method = .get
    ) async throws -> Reply {
        var headers: HTTPFields = [:]
        headers[.ifNoneMatch] = condition
        return try await RoutesBench().answer(method, path, headers).0
    }

    @Test(arguments: paths)
    func hasAStrongValidatorAndMayBeReadByAnyPage(path: String) async throws {
        let reply = try await ask(path)
        let tag = try #require(reply.headers[.eTag])
        #expect(reply.status == .ok && tag.count > 10 && tag.hasPrefix("\"") && tag.hasSuffix("\""))
        #expect(reply.headers[.accessControlAllowOrigin] == "*")
        #expect(try await ask(path).headers[.eTag] == tag, "the same at another replica")
        #expect(try await ask(path, nil, .head).headers == reply.headers)
    }

    @Test func tellsDocumentsApart() async throws {
        var tags: Set<String?> = []
        for path in Self.paths { tags.insert(try await ask(path).headers[.eTag]) }
        #expect(tags.count == Self.paths.count)
    }

    @Test(arguments: paths)
    func isNotSentToWhoHasIt(path: String) async throws {
        let tag = try #require(try await ask(path).headers[.eTag])
        let fulfilled = [
            tag, "W/\(tag)", "\"other\", \(tag)", "\"a\" ,W/\(tag) , \"b\"", "*", "\"a,b\",\(tag)", ", ,\(tag),",
            "\"\",\(tag)",
        ]
        for condition in fulfilled {
            for method in [HTTPRequest.Method.get, .head] {
                let reply = try await ask(path, condition, method)
                #expect(reply.status == .notModified && reply.body.isEmpty, "\(condition)")
                #expect(reply.headers[.eTag] == tag && reply.headers[.accessControlAllowOrigin] == "*")
                #expect(reply.headers[.cacheControl] != nil && reply.headers[.contentType] == nil)
            }
        }
        for condition in [
            "\"other\"", "", String(tag.dropLast()), String(tag.dropFirst()), "x\(tag)", "w/\(tag)", "W/ \(tag)", "**",
            "\"*\"", "*, x", "\"a,\(tag.dropFirst())", tag.uppercased() + "x",
        ] {
            let reply = try await ask(path, condition)
            #expect(reply.status == .ok && !reply.body.isEmpty, "\(condition)")
        }
    }
}
