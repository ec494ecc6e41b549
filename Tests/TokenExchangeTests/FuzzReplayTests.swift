import Foundation
import TestSupport
import Testing

/// Every seed of the fuzz harnesses, and every input that once broke a property, as ordinary tests.
@Suite struct FuzzReplayTests {
    private static let fuzz = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz")
        .standardizedFileURL

    private static func files(of target: FuzzTarget, in folder: String) throws -> [URL] {
        let path = fuzz.appending(path: folder).appending(path: target.rawValue)
        guard FileManager.default.fileExists(atPath: path.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: path, includingPropertiesForKeys: nil)
            .filter { !$0.lastPathComponent.hasPrefix(".") }
    }

    @Test(arguments: FuzzTarget.allCases)
    func everyPropertyHoldsForEveryKnownInput(_ target: FuzzTarget) throws {
        let seeds = try Self.files(of: target, in: "Corpus")
        #expect(seeds.count >= 10, "\(target.rawValue) has lost its seeds")
        for file in try seeds + Self.files(of: target, in: "Findings") {
            let input = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(target.rawValue)/\(file.lastPathComponent)") { try target.check(input) }
        }
    }

    /// Seeds for one reader are tried on the others, since they share a scanner.
    @Test(arguments: FuzzTarget.allCases)
    func everyPropertyHoldsForTheSeedsOfOthers(_ target: FuzzTarget) throws {
        let files = try FuzzTarget.allCases.flatMap { try Self.files(of: $0, in: "Corpus") }
        #expect(files.count >= 80)
        for file in files {
            let input = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(target.rawValue) of \(file.lastPathComponent)") { try target.check(input) }
        }
    }

    @Test func everyHarnessHasItsProperties() {
        let sources = fuzzSources(startingWith: "Fuzz").subtracting(["FuzzDriver", "FuzzProperties"])
        #expect(sources == Set(FuzzTarget.allCases.map(\.rawValue)))
    }

    private func fuzzSources(startingWith prefix: String) -> Set<String> {
        let names = try? FileManager.default.contentsOfDirectory(atPath: Self.fuzz.appending(path: "Sources").path)
        return Set((names ?? []).filter { $0.hasPrefix(prefix) })
    }
}
