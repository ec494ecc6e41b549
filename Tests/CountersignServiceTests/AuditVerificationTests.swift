import CountersignService
import Foundation
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What `audit verify` says of files that are not as they were written.
@Suite struct AuditVerificationTests {
    private static let folder = TemporaryFolder()

    /// The lines of a good file: number 1 to 12.
    private static let good: [String] = {
        do {
            var settings = CountersignProcess.Settings()
            settings.audit = "{ file: audit.jsonl }"
            let folder = try CountersignProcess.prepare(settings)
            let configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
            let trail = try AuditTrail(
                configuration.audit!, time: ManualClock().time, logger: RecordedLog().logger)
            for _ in 0..<10 { trail.append(AuditEntry(.keyStep, at: ManualClock.start)) }
            while trail.writtenCount < 11 { usleep(1000) }
            return try String(contentsOfFile: "\(folder.path)/audit.jsonl", encoding: .utf8)
                .split(separator: "\n").map(String.init)
        } catch { return [] }
    }()

    private func verdict(on bytes: Data, expecting hash: String? = nil) throws -> (text: String, isGood: Bool) {
        let file = "\(Self.folder.path)/\(UUID().uuidString)"
        try bytes.write(to: URL(filePath: file))
        var verification = AuditVerification(expecting: hash)
        verification.read(file)
        let (text, isGood) = verification.finish()
        return (text.replacing(file, with: "FILE"), isGood)
    }

    private func text(_ lines: [String]) -> Data { Data(lines.map { $0 + "\n" }.joined().utf8) }

    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout [String]) -> Void
        /// All that is wrong.
        let problems: [String]

        init(_ name: String, _ problems: String..., change: @escaping @Sendable (inout [String]) -> Void) {
            testDescription = name
            self.problems = problems
            self.change = change
        }
    }

    private static let altered = "is not what was written: the next line has the hash of another"

    static let changes = [
        Change("a byte of a line", "FILE:6: \(altered)") { $0[5] = $0[5].replacing("17:00:00", with: "17:00:01") },
        Change("the hash in a line", "FILE:6: \(altered)") { lines in
            lines[5] = lines[5].replacing(#/previous":"./#, with: #"previous":"x"#)
        },
        Change("two lines", "FILE:4: \(altered)", "FILE:9: \(altered)") { lines in
            for index in [3, 8] { lines[index] = lines[index].replacing("17:00:00", with: "17:00:01") }
        },
        Change("the number of a line", "FILE:6: is not what was written: it has another number") { lines in
            lines[5] = lines[5].replacing(#""sequence":6"#, with: #""sequence":9006"#)
        },
        Change("the last line but one", "FILE:12: or FILE:11 is not what was written: they do not fit together") {
            $0[10] = $0[10].replacing("17:00:00", with: "17:00:01")
        },
        Change("a line is gone", "FILE:6: line number 6 is missing before this one") { $0.remove(at: 5) },
        Change("lines are gone", "FILE:6: lines number 6 to 8 are missing before this one") {
            $0.removeSubrange(5..<8)
        },
        Change("the first lines are gone", "FILE:1: the lines before this one are missing: it has number 4") {
            $0.removeFirst(3)
        },
        Change("two lines are swapped", "FILE:7: is out of order: number 6 stands after number 7") {
            $0.swapAt(5, 6)
        },
        Change(
            "a line is moved to the end", "FILE:12: is out of order: number 6 stands after number 12"
        ) { $0.append($0.remove(at: 5)) },
        Change("a line is there twice", "FILE:7: is there twice: number 6 came before") { $0.insert($0[5], at: 6) },
        Change("an old line again", "FILE:9: is there twice: number 2 came before") { $0.insert($0[1], at: 8) },
        Change("a line is cut", "FILE:6: is no line of an audit stream: changed, or not from here") {
            $0[5] = String($0[5].prefix(60))
        },
        Change("the last line is cut, and ended", "FILE:12: is cut off: by a crash or a full disk, ") {
            $0[11] = String($0[11].prefix(60))
        },
        Change("a line is added", "FILE:6: is no line of an audit stream: changed, or not from here") {
            $0.insert(#"{"event":"login"}"#, at: 5)
        },
        Change(
            "carriage returns",
            "FILE:1: ends with CR LF: an editor or a transfer has converted the file. What follows is checked without the CR"
        ) { $0 = $0.map { $0 + "\r" } },
        Change("everything", "FILE: the file is empty; a service writes a first line as soon as it has opened one") {
            $0 = []
        },
        Change(
            "a long line", "FILE:6: is longer than 65536 bytes, which no line of the stream is"
        ) { $0.insert(String(repeating: "x", count: 65_537), at: 5) },
        Change("a line of the greatest length", "FILE:6: is no line of an audit stream: changed, or not from here") {
            $0.insert(String(repeating: "x", count: 65_536), at: 5)
        },
    ]

    @Test(arguments: changes) func namesTheLine(_ change: Change) throws {
        try #require(Self.good.count == 12)
        var lines = Self.good
        change.change(&lines)
        let (text, isGood) = try verdict(on: text(lines))
        #expect(!isGood)
        let problems = text.split(separator: "\n").filter { $0.hasPrefix("FILE") }.dropFirst()
        #expect(problems.count == change.problems.count, "\(text)")
        for (found, expected) in zip(problems, change.problems) { #expect(found.hasPrefix(expected), "\(text)") }
    }

    @Test func findsAGoodFileGood() throws {
        let (text, isGood) = try verdict(on: text(Self.good))
        #expect(isGood && text.contains("Good: 12 lines, 2025-11-24T17:00:00.000Z to 2025-11-24T17:00:00.000Z."))
    }

    /// An end that is gone shows only if a hash of it was kept.
    @Test func missesAHashThatWasKept() throws {
        let whole = try verdict(on: text(Self.good)).text
        let hash = String(try #require(whole.firstMatch(of: /Last hash, of number 12: ([0-9a-f]{64})/)).1)
        let shorter = text(Self.good.dropLast())
        #expect(try verdict(on: shorter).isGood)
        #expect(try verdict(on: text(Self.good), expecting: hash.uppercased()).text.contains("is that of FILE:12."))
        let (text, isGood) = try verdict(on: shorter, expecting: hash)
        #expect(!isGood && text.contains("--expect: no line has this hash: lines at the end are missing"))
        let earlier = String(try #require(try verdict(on: shorter).text.firstMatch(of: /number 11: ([0-9a-f]{64})/)).1)
        #expect(try verdict(on: self.text(Self.good), expecting: earlier).isGood, "the file has grown since")
    }

    @Test func readsWhatIsNoTextAtAll() throws {
        var generator = SeededGenerator(seed: 7)
        let noise = Data((0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let (text, isGood) = try verdict(on: noise)
        #expect(!isGood && text.contains("are no lines of an audit stream") && text.utf8.count < 5000)
        #expect(try verdict(on: Data([0x1F, 0x8B, 8, 0])).text.contains("the file is compressed"))
        var verification = AuditVerification()
        verification.read("/nowhere/audit.jsonl")
        #expect(verification.finish().text.contains("cannot be read: No such file or directory"))
    }
}
