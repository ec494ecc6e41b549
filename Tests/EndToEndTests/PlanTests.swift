import Foundation
import TestSupport
import Testing

/// `countersign plan` as it is called, and as docs/scaling.md shows it.
@Suite struct PlanTests {
    private static let least = ["--stores", "800", "--associates", "6", "--window", "10m"]

    private func plan(_ words: [String]) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(CountersignProcess.program, ["plan"] + words)
    }

    // MARK: Numbers

    struct Bound: Sendable, CustomTestStringConvertible {
        let option: String
        let good: [String]
        let bad: [String]
        let expected: String
        var testDescription: String { option }

        init(_ option: String, good: String, bad: String, _ expected: String) {
            self.option = option
            self.good = good.split(separator: " ").map(String.init)
            self.bad = bad.split(separator: " ").map(String.init)
            self.expected = expected
        }
    }

    /// At and beyond both ends, and what is no number.
    @Test(arguments: [
        Bound("stores", good: "1 1000000", bad: "0 1000001 -5 1.5 many", "a whole number from 1 to 1000000"),
        Bound(
            "associates", good: "1 10000", bad: "0 10001 99999999999999999999999", "a whole number from 1 to 10000"),
        Bound("providers", good: "1 100", bad: "0 101 --json", "a whole number from 1 to 100"),
        Bound("peak", good: "1 100", bad: "0 101", "a whole number from 1 to 100"),
        Bound("introspections", good: "0 10000", bad: "-1 10001", "a whole number from 0 to 10000"),
        Bound("pages", good: "0 10000", bad: "-1 10001", "a whole number from 0 to 10000"),
        Bound("cores", good: "1 256", bad: "0 257", "a whole number from 1 to 256"),
        Bound("open-files", good: "1024 1000000000", bad: "1023 1000000001", "a whole number from 1024 to 1000000000"),
        Bound("redis-megabytes", good: "16 10000000", bad: "15 10000001", "a whole number from 16 to 10000000"),
        Bound("stores-per-source", good: "1 1000000", bad: "0 1000001", "a whole number from 1 to 1000000"),
        Bound("window", good: "1s 7d", bad: "999ms 604801s 0s -1m 10 soon", "a time from 1s to 7d, such as 10m"),
        Bound("session-lifetime", good: "1s 7d", bad: "0s 8d", "a time from 1s to 7d, such as 10m"),
        Bound("identity-token-lifetime", good: "1s 7d", bad: "0s 8d", "a time from 1s to 7d, such as 10m"),
    ]) func takesWhatIsInRangeAndSaysWhatItExpects(bound: Bound) async throws {
        for value in bound.good {
            let result = try await plan(Self.least + ["--\(bound.option)", value])
            #expect(result.status == 0, "\(value): \(result.output)")
        }
        for value in bound.bad {
            let result = try await plan(Self.least + ["--\(bound.option)", value])
            let line = result.output.split(separator: "\n").first
            #expect(result.status == 64 && line?.hasPrefix("Error: The value '\(value)' is invalid") == true)
            #expect(line?.hasSuffix(": expected \(bound.expected)") == true, "\(result.output)")
        }
    }

    @Test func needsStoresAssociatesAndWindow() async throws {
        for number in 0..<3 {
            var words = Self.least
            words.removeSubrange(2 * number...2 * number + 1)
            let result = try await plan(words)
            #expect(
                result.status == 64
                    && result.output.hasPrefix("Error: Missing expected argument '\(Self.least[2 * number])"))
        }
    }

    @Test func countsAnOptionMoreThanTheConfiguration() async throws {
        let file = "\(CountersignProcess.repository)/config/production.example.yaml"
        let alone = try await plan(Self.least + ["--config", file])
        #expect(alone.status == 0 && alone.output.contains(" for 3 identity providers."), "\(alone.output)")
        #expect(alone.output.contains("a load balancer's"))
        let other = try await plan(Self.least + ["--config", file, "--providers", "7", "--no-load-balancer"])
        #expect(other.output.contains(" for 7 identity providers.") && !other.output.contains("a load balancer's"))
    }

    @Test func saysWhyADrawingCannotBeWritten() async throws {
        let result = try await plan(Self.least + ["--svg", "/nowhere/plan.svg"])
        #expect(
            result.status == 1 && result.output.contains("--svg /nowhere/plan.svg: expected a file that can be written")
        )
    }

    // MARK: The document

    /// Each block begins with the command, and goes on with what it prints.
    @Test func printsWhatTheDocumentShows() async throws {
        let file = "\(CountersignProcess.repository)/docs/scaling.md"
        let document = try String(contentsOfFile: file, encoding: .utf8)
        let blocks = document.matches(of: /```\n\$ countersign plan ([^\n]+)\n((?:(?!```).*\n)+)```/)
        #expect(blocks.count >= 2)
        for block in blocks {
            let folder = TemporaryFolder()
            let words = block.1.split(separator: " ").map {
                $0 == "docs/scaling.svg" ? "\(folder.path)/scaling.svg" : String($0)
            }
            let result = try await plan(words)
            #expect(result.status == 0 && result.output == block.2, "countersign plan \(block.1)")
            if words.contains("--svg") {
                let drawn = try String(contentsOfFile: "\(folder.path)/scaling.svg", encoding: .utf8)
                let kept = try String(
                    contentsOfFile: "\(CountersignProcess.repository)/docs/scaling.svg", encoding: .utf8)
                #expect(drawn == kept, "docs/scaling.svg is what the command draws")
            }
        }
        #expect(document.contains("--svg docs/scaling.svg"))
    }
}
