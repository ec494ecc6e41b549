import CountersignHTTP
import Foundation
import Testing

/// The document that the program carries is the one in docs/, and knows every code.
@Suite struct OpenAPIDocumentTests {
    private static func file() throws -> String {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: repository.appending(path: "docs/openapi.yaml"), encoding: .utf8)
    }

    @Test func isTheFileInTheDocumentation() throws {
        #expect(OpenAPIDocument.text == (try Self.file()), "run `make openapi`")
    }

    @Test func namesEveryErrorCodeAndNoOther() throws {
        let schema = try #require(try Self.file().firstRange(of: "    ErrorCode:\n      type: string\n      enum:\n"))
        let codes = try Self.file()[schema.upperBound...].split(separator: "\n").prefix { $0.hasPrefix("        - ") }
        #expect(codes.map { $0.dropFirst(10) } == ErrorCode.allCases.map { $0.rawValue[...] })
    }
}
