import Glibc
import TokenExchange

/// Appends the lines of a chain to an open file or stream, with calls that may block. What cannot be written whole is
/// taken back if the file allows that, else the next line that can be written says so.
struct AuditWriter: Sendable {
    private static let lineFeed = UInt8(ascii: "\n")

    let descriptor: CInt
    private(set) var chain: AuditChain
    /// What stands after the last whole line: its line feed, then perhaps part of a line that was cut off.
    private var rest: [UInt8]
    /// Whether a part of a line can be taken back.
    private let isFile: Bool
    /// How many bytes are written at once, unless a line is longer.
    private let piece: Int

    /// For a file, at its end.
    /// - Parameter chain: what an empty file goes on with; nil to begin a chain.
    init(file descriptor: CInt, _ tail: AuditTail, after chain: AuditChain? = nil) {
        self.descriptor = descriptor
        self.chain = tail.isEmpty ? chain ?? tail.chain : tail.chain
        rest = tail.rest
        isFile = true
        piece = 65_536
    }

    /// For a stream that others may write to as well: this many bytes are written all at once (`PIPE_BUF`).
    init(stream descriptor: CInt) {
        self.descriptor = descriptor
        chain = AuditChain()
        rest = [Self.lineFeed]
        isFile = false
        piece = Int(PIPE_BUF)
    }

    /// What has become of entries.
    struct Outcome {
        /// Of the entries.
        var bytes = 0
        var lines = 0
        /// Why no more were written; 0 if a piece was.
        var errno: CInt = 0
    }

    /// Writes one piece: some of `entries`, which may be none, and what must stand before them.
    mutating func write(_ entries: ArraySlice<UInt8>, at now: UnixTime) -> Outcome {
        let begun = chain
        var text: [UInt8] = rest == [Self.lineFeed] ? [] : [Self.lineFeed]
        /// After each line: the end of the text, of the entries, and where the chain stands.
        var ends: [(text: Int, outcome: Outcome, chain: AuditChain)] = []
        if rest.count > 1 {
            var entry = AuditEntry(.resumes, at: now)
            entry.torn = Array(rest.dropFirst())
            chain.append(entry.line.dropLast(), to: &text)
            ends.append((text.count, Outcome(), chain))
            text.append(Self.lineFeed)
        }
        var outcome = Outcome()
        while text.count < piece,
            let end = entries[(entries.startIndex + outcome.bytes)...].firstIndex(of: Self.lineFeed)
        {
            let entry = entries[(entries.startIndex + outcome.bytes)..<end]
            if outcome.lines > 0, text.count + entry.count + 120 > piece { break }
            chain.append(entry, to: &text)
            outcome.bytes += entry.count + 1
            outcome.lines += 1
            ends.append((text.count, outcome, chain))
            text.append(Self.lineFeed)
        }
        let size = isFile ? lseek(descriptor, 0, SEEK_END) : -1
        let (written, errno) = writeWhole(text[...], to: descriptor)
        guard written < text.count else {
            rest = [Self.lineFeed]
            return outcome
        }
        let whole = ends.last { $0.text <= written }
        chain = whole?.chain ?? begun
        let kept = whole?.text ?? 0
        if size >= 0, ftruncate(descriptor, size + kept) == 0 {
            if whole != nil { rest = [] }
        } else {
            rest = (whole == nil ? rest : []) + text[kept..<written]
        }
        var partial = whole?.outcome ?? Outcome()
        partial.errno = errno
        return partial
    }
}
