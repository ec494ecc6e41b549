import Foundation
import TestSupport
import Testing

/// What the program is made of, as NOTICE and the bill of materials say it; both are made of what the program links.
@Suite struct ComponentTests {
    private static let build = URL(filePath: CountersignProcess.program).deletingLastPathComponent().path
    private static let repository = CountersignProcess.repository

    /// Names, licences and sources of a NOTICE, and whose texts it repeats. Not copyrights and texts: new versions of packages
    /// change their years.
    private func components(_ notice: String) -> [Substring] {
        let rule = "\n\(String(repeating: "=", count: 100))\n"
        let sections = notice.split(separator: rule, omittingEmptySubsequences: false)
        let entries = sections[0].split(separator: "\n\n").map { $0.split(separator: "\n") }.filter { $0.count == 4 }
        return entries.flatMap { [$0[0], $0[2], $0[3]] } + sections.dropFirst().filter { !$0.contains("\n") }
    }

    @Test func namesInNOTICEWhatTheProgramLinks() async throws {
        let result = try await CountersignProcess.run(
            CountersignProcess.python, ["\(Self.repository)/deploy/release/components.py", "notice", Self.build])
        #expect(result.status == 0, "\(result.output)")
        let linked = components(result.output)
        #expect(linked.contains("swift-nio") && linked.contains("BoringSSL (in swift-nio-ssl)"))
        let named = components(try String(contentsOfFile: "\(Self.repository)/NOTICE", encoding: .utf8))
        #expect(named == linked, "NOTICE is not of what the program links; `make notice` writes it")
    }

    @Test func makesABillOfMaterialsThatIsCompleteAndValid() async throws {
        let result = try await CountersignProcess.run(
            CountersignProcess.python,
            ["\(Self.repository)/Tests/Release/bill.py", Self.build, CountersignProcess.program])
        #expect(result.status == 0, "\(result.output)")
    }
}
