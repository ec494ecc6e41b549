import CountersignHTTP
import Foundation
import HTTPTypes
import Testing

/// The document knows every code. The program serves the same file: it is compiled in by a symbolic link.
@Suite struct OpenAPIDocumentTests {
    private static func file() throws -> String {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: repository.appending(path: "docs/openapi.yaml"), encoding: .utf8)
    }

    @Test func isServedToTheByte() async throws {
        let (text, (reply, _)) = (try Self.file(), try await RoutesBench().answer(.get, "/openapi.yaml"))
        #expect(reply.status == .ok && reply.body == Array(text.utf8))
    }

    @Test func namesEveryErrorCodeAndNoOther() throws {
        let schema = try #require(try Self.file().firstRange(of: "    ErrorCode:\n      type: string\n      enum:\n"))
        let codes = try Self.file()[schema.upperBound...].split(separator: "\n").prefix { $0.hasPrefix("        - ") }
        #expect(codes.map { $0.dropFirst(10) } == ErrorCode.allCases.map { $0.rawValue[...] })
    }
}
