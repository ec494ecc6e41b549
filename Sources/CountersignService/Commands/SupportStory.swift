import CountersignHTTP
import TokenExchange

/// What became of one request, and what the same associate and device did around it, found in log files.
package struct SupportStory {
    /// What the log says of the request itself, and of others.
    private var request: [LogEntry] = []
    private var related: [LogEntry] = []
    private var service: [LogEntry] = []
    private var lineCount = 0
    private var malformedCount = 0
    /// How many lines are told of no more, so that a log cannot fill the memory.
    private var leftOut = 0

    private let code: String
    private let span: Duration

    /// How many lines of one kind are told of.
    private static let limit = 200

    /// Reads the files twice: for the request, then for what is around it.
    /// - Parameters:
    ///   - code: the request's id.
    ///   - paths: of log files in either form, `-` for standard input.
    ///   - span: how long before and after the request to look.
    /// - Throws: ``StartUpError`` if the code is none, is not found, or if a file cannot be read.
    package init(code: String, paths: [String], span: Duration) throws {
        self.code = code
        self.span = span
        guard RequestID.isWellFormed(code) else {
            throw StartUpError([
                "expected a support code, up to 128 of A-Z a-z 0-9 - _ . as X-Request-Id has it, found something else"
            ])
        }
        let files = try paths.map(LogLines.init)
        for file in files { try findRequest(in: file) }
        guard !request.isEmpty else { throw StartUpError([notFound]) }
        request.sort { $0.time < $1.time }
        for file in files { try findOthers(in: file) }
        related.sort { $0.time < $1.time }
        service.sort { $0.time < $1.time }
    }

    private var notFound: String {
        "no request \(code) in \(lineCount) lines\(skipped). Look in the files of all replicas, and of that day; of a flood of "
            + "refused requests only the first have lines."
    }

    private var skipped: String { malformedCount == 0 ? "" : " (\(malformedCount) more are no log lines)" }

    private mutating func findRequest(in file: LogLines) throws {
        let code = Array(code.utf8)
        malformedCount += try file.read { line in
            guard !line.isEmpty else { return }
            let isWhole = LogTime(of: line) != nil
            lineCount += isWhole ? 1 : 0
            malformedCount += isWhole ? 0 : 1
            guard isWhole, line.position(of: code) != nil else { return }
            guard let entry = LogEntry(line) else {
                (lineCount, malformedCount) = (lineCount - 1, malformedCount + 1)
                return
            }
            if entry["request_id"] == self.code { add(entry, to: \.request) }
        }
    }

    /// Lines of the same associate or device, and what the service itself had to say.
    private mutating func findOthers(in file: LogLines) throws {
        guard let first = request.first?.time, let last = request.last?.time else { return }
        let (from, to) = (Array((first - span).text.utf8), Array((last + span).text.utf8))
        let hashes = hashes.map { Array($0.utf8) }
        _ = try file.read { line in
            guard let time = LogTime(of: line), time.isWithin(from, to) else { return }
            let isRelated = hashes.contains { line.position(of: $0) != nil }
            guard isRelated || Self.mayBeOfTheService(line), let entry = LogEntry(line),
                entry["request_id"] != code
            else { return }
            if !likeness(of: entry).isEmpty {
                add(entry, to: \.related)
            } else if entry.message != "request", entry.message == "sessions were revoked" || Self.isAlarming(entry) {
                add(entry, to: \.service)
            }
        }
    }

    private static func isAlarming(_ entry: LogEntry) -> Bool {
        ["warning", "error", "critical"].contains(entry.level)
    }

    /// Without reading it: the line of a request says so early.
    private static func mayBeOfTheService(_ line: ArraySlice<UInt8>) -> Bool {
        !requestMarks.contains { line.position(of: $0) != nil }
    }

    private static let requestMarks = [#""message":"request""#, ": request "].map { Array($0.utf8) }

    private mutating func add(_ entry: LogEntry, to list: WritableKeyPath<SupportStory, [LogEntry]>) {
        if self[keyPath: list].count < Self.limit { self[keyPath: list].append(entry) } else { leftOut += 1 }
    }

    private static let hashNames: [(field: ExactText, word: String)] = [
        ("subject_hash", "same associate"), ("device_hash", "same device"),
    ]

    private var hashes: Set<String> { Set(request.flatMap { entry in Self.hashNames.compactMap { entry[$0.field] } }) }

    /// What an entry has in common with the request; empty if nothing.
    private func likeness(of entry: LogEntry) -> String {
        Self.hashNames.filter { name in
            entry[name.field].map { hash in request.contains { $0[name.field] == hash } } ?? false
        }.map(\.word).joined(separator: ", ")
    }
}

// MARK: - Telling

extension SupportStory {
    /// The story in order, in plain sentences.
    package var text: String {
        let head = "Request \(code): \(Self.count(request.count, "line")) of \(lineCount)\(skipped)."
        let requests = request.flatMap { entry in
            ["\(entry.time.text)  \(entry.sentence)"] + entry.details.map { "    \($0)" }
        }
        let paragraphs = [[head], requests, others, meanwhile, rest].filter { !$0.isEmpty }
        return paragraphs.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var others: [String] {
        guard !hashes.isEmpty else {
            return [
                "The lines do not say whose request it was: nobody was identified, or log.correlation_key is not set. "
                    + "So nothing is told of the same associate and device."
            ]
        }
        let title = "The same associate or device, up to \(minutes) before and after:"
        guard !related.isEmpty else { return ["\(title) nothing else."] }
        return [title]
            + related.map { "\($0.time.text)  \($0.sentence) [\(likeness(of: $0))]\($0.reasonInBrackets)" }
    }

    private var meanwhile: [String] {
        guard !service.isEmpty else { return [] }
        return ["The service itself, in that time:"]
            + service.map { LogText.bare("\($0.time.text)  \($0.level): \($0.message) \($0.words)") }
    }

    private var rest: [String] { leftOut == 0 ? [] : ["\(Self.count(leftOut, "line")) more are not shown."] }

    private var minutes: String { Self.count(Int(span / .seconds(60)), "minute") }

    private static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
}

extension LogText {
    /// For a terminal.
    static func bare(_ text: String) -> String {
        var bytes: [UInt8] = []
        appendBare(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
