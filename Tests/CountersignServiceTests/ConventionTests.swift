import Foundation
import Testing

/// The import rules of docs/architecture.md, held by a test that notices when it looks at nothing.
@Suite struct ConventionTests {
    private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let sources = tests.deletingLastPathComponent().appending(path: "Sources")

    private struct Source {
        /// From `Sources/` or `Tests/` on.
        let path: String
        let imports: Set<String>
    }

    private static func files(in folder: URL = sources) throws -> [Source] {
        let paths = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { $0.hasSuffix(".swift") }.map { path in
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            let imports = text.split(separator: "\n").compactMap { line -> String? in
                let words = line.split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 1, words.count == index + 2 else {
                    return nil
                }
                return String(words[index + 1])
            }
            return Source(path: path, imports: Set(imports))
        }
    }

    private static let siblings = [
        "JOSE", "RedisSessions", "IssuerKeys", "UpstreamTokens", "Traces", "ServiceConfiguration", "CountersignHTTP",
    ]

    @Test func findsTheSourcesItSpeaksOf() throws {
        let files = try Self.files()
        for target in Self.siblings + ["BlockingWork", "TokenExchange", "CountersignService", "countersign"] {
            #expect(files.contains { $0.path.hasPrefix(target + "/") }, "no file of \(target)")
        }
        for module in ["COpenSSL", "CLibJWT", "CHiredis", "CTimex", "HTTPTypes", "Yams", "NIOCore"] {
            #expect(files.contains { $0.imports.contains(module) }, "nobody imports \(module)")
        }
    }

    @Test func keepsTheDomainFreeOfTheOutsideWorld() throws {
        for file in try Self.files() where file.path.hasPrefix("TokenExchange/") {
            #expect(file.imports.isSubset(of: ["FoundationEssentials", "Synchronization"]), "\(file.path)")
        }
    }

    @Test func keepsWhatBlocksFreeOfTheOutsideWorld() throws {
        for file in try Self.files() where file.path.hasPrefix("BlockingWork/") {
            #expect(file.imports.isSubset(of: ["Glibc", "Synchronization", "TokenExchange"]), "\(file.path)")
        }
    }

    @Test(arguments: [
        ("COpenSSL", "JOSE/OpenSSL/"), ("CLibJWT", "JOSE/LibJWT/"), ("CHiredis", "RedisSessions/Hiredis/"),
        ("CTimex", "CountersignService/Checkup/"),
        ("HTTPTypes", "CountersignHTTP/"), ("Yams", "ServiceConfiguration/"), ("ArgumentParser", "countersign/"),
        ("Tracing", "Traces/"),
    ])
    func letsOneFolderImport(module: String, folder: String) throws {
        for file in try Self.files() where file.imports.contains(module) {
            #expect(file.path.hasPrefix(folder), "\(file.path) imports \(module)")
        }
    }

    /// A longer one has more than one subject.
    @Test func keepsFilesToThreeHundredLines() throws {
        for folder in [Self.sources, Self.tests] {
            for file in try Self.files(in: folder) {
                let text = try String(contentsOf: folder.appending(path: file.path), encoding: .utf8)
                let count = text.count { $0 == "\n" }
                #expect(count <= 300, "\(file.path) has \(count) lines")
            }
        }
    }

    @Test func keepsTestsFreeOfC() throws {
        let files = try Self.files(in: Self.tests)
        for module in ["JOSE", "RedisSessions", "HTTPTypes"] {
            #expect(files.contains { $0.imports.contains(module) }, "nobody imports \(module)")
        }
        for file in files {
            #expect(file.imports.isDisjoint(with: ["COpenSSL", "CLibJWT", "CHiredis"]), "\(file.path)")
        }
    }

    /// Benchmarks and fuzzers compile the same folders by manifests of their own, which `make test` does not build.
    @Test(arguments: ["Benchmarks": 5, "Fuzz": 2]) func givesFoldersTheSameDependenciesEverywhere(
        package: String, count: Int
    ) throws {
        let whole = try Self.dependencies(in: Self.sources.deletingLastPathComponent())
        let part = try Self.dependencies(in: Self.tests.appending(path: package))
        let shared = Set(whole.keys).intersection(part.keys)
        #expect(shared.count >= count, "\(shared)")
        for target in shared { #expect(part[target] == whole[target], "\(target) in Tests/\(package)/Package.swift") }
    }

    /// What the targets of a manifest depend on, those of tests and programs too.
    private static func dependencies(in folder: URL) throws -> [String: Set<String>] {
        let text = try String(contentsOf: folder.appending(path: "Package.swift"), encoding: .utf8)
        let targets = text.components(separatedBy: "arget(").dropFirst().compactMap { target in
            let words = target.components(separatedBy: "dependencies: [")
            guard let name = words[0].split(separator: "\"").dropFirst().first, words.count == 2 else {
                return nil as (String, Set<String>)?
            }
            let list = words[1].prefix { $0 != "]" }.split(separator: ",")
            let names = list.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            return (String(name), Set(names).subtracting([""]))
        }
        return Dictionary(uniqueKeysWithValues: targets)
    }

    @Test func keepsSiblingsApart() throws {
        for file in try Self.files() {
            guard let own = Self.siblings.first(where: { file.path.hasPrefix($0 + "/") }) else { continue }
            let others = Set(Self.siblings + ["CountersignService"]).subtracting([own])
            #expect(file.imports.isDisjoint(with: others), "\(file.path)")
        }
    }

    /// The library for native apps needs nothing but Foundation, and nothing of the service needs it.
    @Test func keepsTheLibraryForAppsApart() throws {
        let library = try Self.files().filter { $0.path.hasPrefix("CountersignLink/") }
        #expect(library.contains { $0.imports.contains("Foundation") })
        for file in library {
            #expect(file.imports.isSubset(of: ["Foundation", "FoundationNetworking"]), "\(file.path)")
        }
        for file in try Self.files() { #expect(!file.imports.contains("CountersignLink"), "\(file.path)") }
    }

    @Test func readsTheMachinesClockInOnePlace() throws {
        let readers = try Self.files().filter { file in
            Self.readsAClock(try String(contentsOf: Self.sources.appending(path: file.path), encoding: .utf8))
        }
        #expect(readers.map(\.path) == ["CountersignService/Assembly/SystemTime.swift"])
    }

    /// ServiceLifecycle's own ways to wait for the end can hang: see `untilShutdown`.
    @Test func waitsForShutdownInAWayThatCannotHang() throws {
        for file in try Self.files() {
            let text = try String(contentsOf: Self.sources.appending(path: file.path), encoding: .utf8)
            #expect(!text.contains(".cancelOnGracefulShutdown()"), "\(file.path)")
            #expect(!text.contains("await gracefulShutdown()"), "\(file.path)")
        }
    }

    /// swift-metrics takes any text for a label; ``MetricsFactory/counter(_:_:)`` and its like do not.
    @Test func makesMetricsByTheTypeThatTakesNoTextFromOutside() throws {
        let makers = try Self.files().filter { file in
            try String(contentsOf: Self.sources.appending(path: file.path), encoding: .utf8)
                .contains(/\b(?:Counter|FloatingPointCounter|Gauge|Meter|Recorder|Timer)\(|dimensions:/)
        }
        #expect(
            makers.map(\.path).sorted() == [
                "CountersignHTTP/Metrics/Metric.swift", "CountersignService/Metrics/PrometheusRegistry.swift",
            ])
        let label = Self.sources.appending(path: "CountersignHTTP/Metrics/LabelValue.swift")
        let types = try String(contentsOf: label, encoding: .utf8).matches(of: /init[^(\n]*\([^:]*: (\w+)\)/).map(\.1)
        #expect(types == ["Case", "ConfiguredName", "UInt16", "CallbackBodyError", "StaticString"])
    }

    /// A clock that was not passed in. What an event loop has as `now` was: the loop is.
    private static func readsAClock(_ text: String) -> Bool {
        text.contains(/\bDate\(\)|\bDate\.now|ContinuousClock|SuspendingClock|DispatchTime|NIODeadline\.now/)
            || text.contains(/[^\w)\]]\.now\(\)|clock_gettime|gettimeofday|\btime\(nil\)/)
    }

    @Test(arguments: [
        "Date()", "let now: Date = Date.now", "ContinuousClock.now", "ContinuousClock()", "SuspendingClock()",
        "NIODeadline.now()", "execute(command, until: .now() + budget)", "end = .now()",
        "clock_gettime(CLOCK_REALTIME, &t)",
        "DispatchTime.now()",
    ])
    func noticesWhoReadsAClock(line: String) {
        #expect(Self.readsAClock(line))
        #expect(!Self.readsAClock("let (now, end) = (time.now(), eventLoop.now)"))
    }

    /// What the domain keeps of text from outside is ``ExactText``; a `String` holds our own words, the name of a file, or
    /// one of three headers that are passed on.
    @Test func keepsTextFromOutsideInTheTypeThatComparesBytes() throws {
        let ownWords: Set = [
            "expected", "found", "value", "remedy", "reason", "operation", "cause", "skipped", "certificateChain",
            "privateKey", "certificateAuthorityFile", "remarks", "requestID", "rule", "traceparent", "tracestate",
        ]
        var seen: Set<String> = []
        for file in try Self.files() where file.path.hasPrefix("TokenExchange/") {
            let text = try String(contentsOf: Self.sources.appending(path: file.path), encoding: .utf8)
            for line in text.split(separator: "\n") where !line.hasSuffix("{") && !line.contains("{ ") {
                guard let match = line.firstMatch(of: /(?:let|var) (\w+): \[?String\b/) else { continue }
                seen.insert(String(match.1))
                #expect(ownWords.contains(String(match.1)), "\(file.path): \(line)")
            }
        }
        #expect(seen == ownWords, "the list names what is there")
    }

    @Test(arguments: ["TokenExchange", "IssuerKeys", "JOSE", "CountersignHTTP"])
    func looksUpTextFromOutsideByItsBytes(target: String) throws {
        for file in try Self.files() where file.path.hasPrefix(target + "/") {
            // Names of files, which the file system gives and takes.
            if file.path == "JOSE/KeyDirectory/SigningKeyDirectory.swift" { continue }
            let text = try String(contentsOf: Self.sources.appending(path: file.path), encoding: .utf8)
            #expect(!text.contains("[String:") && !text.contains("Set<String>"), "\(file.path)")
        }
    }
}
