import NIOCore
import NIOHTTP1

/// What has come of one answer, and what may still come. Knows no network.
struct AnswerInProgress {
    private let limits: AnswerLimits
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    /// Of the heads that were decoded, informational ones included.
    private var headBytes = 0

    /// `limits` hold for head and body each.
    init(_ limits: AnswerLimits) {
        self.limits = limits
    }

    /// Whether the head that counts has come; informational ones may come before it.
    var hasHead: Bool { head != nil }
    /// Whether nothing has come.
    var isEmpty: Bool { headBytes == 0 }
    /// Bytes of the body so far, decoded.
    var bodyCount: Int { body.count }
    /// Whether the connection may carry another request afterwards.
    var keepsConnection: Bool { head?.isKeepAlive ?? false }
    /// For how long the server says that it keeps an idle connection (`Keep-Alive: timeout=5`); nil if it does not say.
    var keptFor: TimeAmount? {
        let words = head?.headers[canonicalForm: "Keep-Alive"].first { $0.lowercased().hasPrefix("timeout=") }
        return words.flatMap { Int64($0.dropFirst(8)) }.flatMap { (0...86_400).contains($0) ? .seconds($0) : nil }
    }

    /// - Returns: the answer, if it is whole now.
    mutating func receive(_ part: HTTPClientResponsePart) throws(OutboundFault) -> OutboundAnswer? {
        switch part {
        case .head(let head):
            try receive(head)
            return nil
        case .body(let piece):
            guard body.count + piece.readableBytes <= limits.bodyBytes else {
                throw OutboundFault(.refused, "larger than \(limits.bodyBytes) bytes")
            }
            body.append(contentsOf: piece.readableBytesView)
            return nil
        case .end: return head.map { OutboundAnswer($0, body: body) }
        }
    }

    private mutating func receive(_ head: HTTPResponseHead) throws(OutboundFault) {
        // Never more than it was on the wire.
        headBytes += head.headers.reduce(14) { $0 + $1.name.utf8.count + $1.value.utf8.count + 3 }
        guard headBytes <= limits.headBytes else { throw .headTooLarge(limits.headBytes) }
        if (100..<200).contains(head.status.code) { return }
        self.head = head
        switch head.headers[canonicalForm: "Content-Encoding"].map({ $0.lowercased() }) {
        case [], ["gzip"], ["deflate"]: break
        case let codings:
            // What the other side has written here may be anything.
            let known = codings.filter { ["br", "zstd", "compress", "gzip", "deflate"].contains($0) }
            throw OutboundFault(
                .refused,
                "a body coded as \(known.isEmpty ? "an unknown coding" : known.joined(separator: ", ")), where identity, "
                    + "gzip and deflate can be read")
        }
    }
}
