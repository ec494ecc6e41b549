import Glibc

/// Looks whether the lines of audit files are all that were written, in their order: rotated files from the oldest to the
/// newest, as one chain. In bounded memory.
package struct AuditVerification {
    /// Something that is wrong, at a line.
    private struct Problem {
        let place: String
        let text: String
    }

    /// Lines whose numbers were passed over.
    private struct Gap {
        let file: String
        let line: Int
        var numbers: ClosedRange<Int64>
    }

    private struct Seen {
        let place: (file: String, line: Int)
        let line: AuditLine
    }

    /// At most this many problems, gaps and notes are kept; more are counted.
    private static let most = 100

    private var problems: [Problem] = []
    private var problemCount = 0
    private var gaps: [Gap] = []
    private var notes: [String] = []
    private var summaries: [String] = []
    private let expected: [UInt8]?
    private var expectedPlace: String?
    /// The last line that was in its order.
    private var last: Seen?
    /// The line before the last one, if one of the two was altered and it is not known yet which.
    private var suspect: String?
    /// The number that was due instead of that of the last line, if that came too early.
    private var due: Int64?
    /// How many lines since `last` cannot be read.
    private var unreadable: Int64 = 0
    /// Lines that are none of the stream since `last`, in a row.
    private var strange: (place: (file: String, line: Int), bytes: [UInt8], count: Int, isTooLong: Bool)?
    private var lineCount = 0
    private var first: AuditLine?

    /// - Parameter expected: the hash of a line that must be there; nil for none.
    package init(expecting expected: String? = nil) {
        self.expected = expected.map { Array($0.lowercased().utf8) }
    }

    /// Reads the next file of the chain. Blocks its thread.
    package mutating func read(_ path: String) {
        guard var reader = AuditLineReader(path) else {
            return add(path, 0, "cannot be read: \(String(cString: strerror(errno)))")
        }
        var number = 0
        var times: (first: String, last: String)?
        var endsWithCarriageReturn = false
        while let piece = reader.next() {
            number += 1
            lineCount += 1
            var bytes = piece.bytes
            if bytes.last == UInt8(ascii: "\r"), !piece.isTooLong {
                bytes.removeLast()
                if !endsWithCarriageReturn {
                    add(
                        path, number,
                        "ends with CR LF: an editor or a transfer has converted the file. What follows is checked without the CR"
                    )
                }
                endsWithCarriageReturn = true
            }
            if number == 1, bytes.starts(with: [0x1F, 0x8B]) {
                return add(path, 1, "the file is compressed: give `zcat \(path)` to this command as `<(zcat …)`")
            }
            if !piece.isTooLong, let line = AuditLine(bytes) {
                take(line, at: (path, number), isFirst: number == 1)
                times = (times?.first ?? line.time, line.time)
                if !piece.isEnded { notes.append("\(path):\(number): the last line lacks its line feed") }
            } else {
                take(strange: piece, at: (path, number))
            }
        }
        summaries.append(
            times.map { "\(path): \(number) lines, \($0.first) to \($0.last)" } ?? "\(path): \(number) lines")
        if number == 0 { add(path, 0, "the file is empty; a service writes a first line as soon as it has opened one") }
    }

    // MARK: Lines

    private mutating func take(_ line: AuditLine, at place: (file: String, line: Int), isFirst: Bool) {
        first = first ?? line
        if line.hash == expected { expectedPlace = "\(place.file):\(place.line)" }
        settleStrange(before: line)
        guard let last else {
            if line.sequence > 1 {
                let place = "\(place.file):\(place.line)"
                if line.event == .continues {
                    notes.append("\(place): goes on after line \(line.sequence - 1) of a file that was not given")
                } else {
                    add(place, "the lines before this one are missing: it has number \(line.sequence)")
                }
            } else if line.previous != AuditChain.origin {
                add(
                    "\(place.file):\(place.line)",
                    "is not what was written: the first line of a chain has no line before it")
            }
            self.last = Seen(place: place, line: line)
            return
        }
        defer { unreadable = 0 }
        if line.sequence == last.line.sequence + 1 {
            due = nil
            return link(line, at: place, to: last)
        }
        settleSuspect()
        if line.sequence - 1 == due {
            add("\(last.place.file):\(last.place.line)", "is not what was written: it has another number")
            gaps.removeLast()
            due = nil
            self.last = Seen(place: place, line: line)
            return
        }
        if isFirst, line.event == .begins, line.hash != first?.hash {
            add(
                "\(place.file):1",
                "a new chain begins: a service was started with no file, or this is a file of another service. Nothing shows "
                    + "whether a file is missing before it")
            self.last = Seen(place: place, line: line)
        } else if line.sequence > last.line.sequence {
            let numbers = (last.line.sequence + 1)...(line.sequence - 1)
            if numbers.upperBound - numbers.lowerBound + 1 == unreadable {
                // Those were the missing ones.
            } else if gaps.count < Self.most {
                gaps.append(Gap(file: place.file, line: place.line, numbers: numbers))
                due = numbers.lowerBound
            } else {
                problemCount += 1
            }
            self.last = Seen(place: place, line: line)
        } else {
            takeBackward(line, at: place, after: last, isFirst: isFirst)
        }
    }

    private mutating func link(_ line: AuditLine, at place: (file: String, line: Int), to last: Seen) {
        let fits = line.previous == last.line.hash
        let lastPlace = "\(last.place.file):\(last.place.line)"
        if let suspect {
            // If this line vouches for the last one, it was the one before.
            add(fits ? suspect : lastPlace, Self.altered)
            self.suspect = nil
        } else if !fits {
            suspect = lastPlace
        }
        self.last = Seen(place: place, line: line)
    }

    private static let altered = "is not what was written: the next line has the hash of another"

    private mutating func settleSuspect() {
        guard let suspect, let last else { return }
        self.suspect = nil
        add("\(last.place.file):\(last.place.line)", "or \(suspect) is not what was written: they do not fit together")
    }

    private mutating func takeBackward(
        _ line: AuditLine, at place: (file: String, line: Int), after last: Seen, isFirst: Bool
    ) {
        if isFirst {
            add(
                "\(place.file):1",
                "the file begins with number \(line.sequence), and the one before it ends with \(last.line.sequence): they are in "
                    + "the wrong order, or one was given twice")
            self.last = Seen(place: place, line: line)
            return
        }
        guard let index = gaps.firstIndex(where: { $0.numbers.contains(line.sequence) }) else {
            return add("\(place.file):\(place.line)", "is there twice: number \(line.sequence) came before")
        }
        add(
            "\(place.file):\(place.line)",
            "is out of order: number \(line.sequence) stands after number \(last.line.sequence)")
        let gap = gaps.remove(at: index)
        for numbers in [(gap.numbers.lowerBound, line.sequence - 1), (line.sequence + 1, gap.numbers.upperBound)]
        where numbers.0 <= numbers.1 {
            gaps.append(Gap(file: gap.file, line: gap.line, numbers: numbers.0...numbers.1))
        }
    }

    // MARK: What is no line

    private mutating func take(strange piece: AuditLineReader.Piece, at place: (file: String, line: Int)) {
        guard var strange else {
            self.strange = (place, piece.bytes, 1, piece.isTooLong)
            return
        }
        strange.count += 1
        if strange.bytes.count + piece.bytes.count < 2 * AuditChain.longestLine {
            strange.bytes += [UInt8(ascii: "\n")] + piece.bytes
        } else {
            strange.isTooLong = true
        }
        self.strange = strange
    }

    /// Judges what stands between the last line and the next one.
    /// - Parameter next: nil at the end of the last file.
    private mutating func settleStrange(before next: AuditLine?) {
        guard let strange else { return }
        self.strange = nil
        let place = "\(strange.place.file):\(strange.place.line)"
        if let torn = next?.torn, !strange.isTooLong, torn.count == strange.bytes.count,
            torn.digest == AuditChain.digest(strange.bytes)
        {
            notes.append(
                "\(place): a line was cut off (a crash, a full disk); the next line says so, and the chain goes on")
            return
        }
        if strange.isTooLong, strange.count == 1 {
            add(place, "is longer than \(AuditChain.longestLine) bytes, which no line of the stream is")
        } else if next == nil, strange.count == 1, strange.bytes.starts(with: #"{"sequence":"#.utf8) {
            add(
                place,
                "is cut off: by a crash or a full disk, which a service says when it starts again, or by somebody")
        } else {
            let lines = strange.count == 1 ? "is no line" : "and the \(strange.count - 1) after it are no lines"
            add(place, "\(lines) of an audit stream: changed, or not from here")
        }
        problemCount += strange.count - 1
        unreadable = Int64(strange.count)
    }

    private mutating func add(_ file: String, _ line: Int, _ text: String) {
        add(line == 0 ? file : "\(file):\(line)", text)
    }

    private mutating func add(_ place: String, _ text: String) {
        problemCount += 1
        if problems.count < Self.most { problems.append(Problem(place: place, text: text)) }
    }

    // MARK: The verdict

    /// The lines that the command prints, and whether everything is in order.
    package consuming func finish() -> (text: String, isGood: Bool) {
        settleStrange(before: nil)
        settleSuspect()
        for gap in gaps {
            let numbers = gap.numbers
            let what =
                numbers.lowerBound == numbers.upperBound
                ? "line number \(numbers.lowerBound) is missing"
                : "lines number \(numbers.lowerBound) to \(numbers.upperBound) are missing"
            add(gap.file, gap.line, what + " before this one")
        }
        if expected != nil, expectedPlace == nil {
            add("--expect", "no line has this hash: lines at the end are missing, or the chain was written again")
        }
        let bad = problemCount
        var text = summaries + notes.map { "note: \($0)" } + problems.map { "\($0.place): \($0.text)" }
        if bad > problems.count { text.append("… and \(bad - problems.count) more") }
        if let expectedPlace { text.append("The expected hash is that of \(expectedPlace).") }
        if let last, let firstTime = first?.time {
            text.append(
                "Last hash, of number \(last.line.sequence): \(String(decoding: last.line.hash, as: UTF8.self))")
            text.append(
                bad == 0
                    ? "Good: \(lineCount) lines, \(firstTime) to \(last.line.time)."
                    : "Bad: \(bad) problem\(bad == 1 ? "" : "s"); \(max(0, lineCount - bad)) of \(lineCount) lines are good, \(firstTime) to \(last.line.time)."
            )
        } else {
            text.append("Bad: no line of an audit stream.")
        }
        return (text.joined(separator: "\n"), bad == 0 && last != nil)
    }
}
