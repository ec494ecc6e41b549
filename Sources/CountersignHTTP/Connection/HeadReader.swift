import HTTPTypes
package import NIOCore

/// How much a client may send before its request is known.
package struct HeadLimits: Sendable {
    /// For a whole head, and again for the trailers after a body.
    package let bytes: Int
    /// For one line.
    package let lineBytes: Int
    /// Fields of a head, and again of the trailers.
    package let fieldCount: Int

    /// The defaults are larger than any header of our clients and proxies.
    package init(bytes: Int = 48 * 1024, lineBytes: Int = 16 * 1024, fieldCount: Int = 100) {
        self.bytes = bytes
        self.lineBytes = lineBytes
        self.fieldCount = fieldCount
    }
}

/// Reads the head of a request (RFC 9112 §2 to §5) line by line as its bytes arrive. It never searches a byte twice,
/// however few arrive at once. Strict: lines end in CR LF, no line is folded, and nothing is allowed between a field's
/// name and its colon.
package struct HeadReader {
    /// What a head says about the request's body and about the connection after it.
    package struct Framing: Equatable {
        package var body = BodyReader.Length.none
        /// Whether the client wants to send another request (RFC 9112 §9.3).
        package var keepsAlive = true
        /// Whether it waits for an interim answer before it sends the body (RFC 9110 §10.1.1).
        package var expectsContinue = false
        package var isHTTP10 = false
    }

    /// How far reading has come.
    package enum Progress {
        case more
        case head(RequestHead, Framing)
        case refused(HTTPFault)
    }

    private let limits: HeadLimits
    /// Empty lines before the head, which are dropped.
    private var emptyLines = 0
    private var lineStart = 0
    /// How many bytes have been searched for the end of a line.
    private var searched = 0
    private var draft = HeadDraft()
    private var longField = LongTraceField()

    package init(_ limits: HeadLimits) {
        self.limits = limits
    }

    /// Takes a head out of `input` once all of it has arrived; before that, only empty lines.
    package mutating func read(_ input: inout ByteBuffer) -> Progress {
        guard input.readableBytes > 0 else { return .more }
        if lineStart == 0 { dropEmptyLines(&input) }
        do throws(HTTPFault) {
            guard try readLines(&input) else { return .more }
        } catch { return .refused(error) }
        guard let head = input.readSlice(length: lineStart) else { return .more }
        let finished = head.withUnsafeReadableBytes { bytes in
            Result { () throws(HTTPFault) in try draft.finish(bytes, head) }
        }
        self = HeadReader(limits)
        switch finished {
        case .success(let (head, framing)): return .head(head, framing)
        case .failure(let fault): return .refused(fault)
        }
    }

    /// RFC 9112 §2.2 asks servers to ignore at least one.
    private static let emptyLineLimit = 4

    private mutating func dropEmptyLines(_ input: inout ByteBuffer) {
        while emptyLines < Self.emptyLineLimit, input.getInteger(at: input.readerIndex, as: UInt16.self) == 0x0D0A {
            input.moveReaderIndex(forwardBy: 2)
            emptyLines += 1
            searched = 0
        }
    }

    /// - Returns: whether the head is complete; it then ends at `lineStart`.
    private mutating func readLines(_ input: inout ByteBuffer) throws(HTTPFault) -> Bool {
        while true {
            if longField.isOpen { try dropLongField(&input) }
            let read = input.withUnsafeReadableBytes { bytes in
                Result { () throws(HTTPFault) in try readLines(bytes) }
            }
            switch try read.get() {
            case .complete: return true
            case .more: return false
            case .lineTooLong:
                guard lineStart > 0, LongTraceField.begins(input, at: lineStart) else { throw .headTooLarge }
                try dropLongField(&input)
            }
            if longField.isOpen { return false }
        }
    }

    private mutating func dropLongField(_ input: inout ByteBuffer) throws(HTTPFault) {
        try longField.drop(from: &input, at: lineStart)
        searched = lineStart
    }

    private enum Reading {
        case more
        case complete
        /// The line at `lineStart`, or the head with it.
        case lineTooLong
    }

    private mutating func readLines(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Reading {
        if lineStart == 0, !HeadDraft.canBegin(bytes) { throw .requestLineMalformed }
        while let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
            let next = end + 1
            guard end - 1 - lineStart <= limits.lineBytes, next <= limits.bytes else { return .lineTooLong }
            guard end > lineStart, bytes[end - 1] == UInt8(ascii: "\r") else { throw fault(ofLineAt: lineStart) }
            let line = lineStart..<end - 1
            let isFirst = lineStart == 0
            (lineStart, searched) = (next, next)
            if isFirst {
                try draft.readRequestLine(bytes, line)
            } else if line.isEmpty {
                return .complete
            } else {
                guard draft.lines.count < limits.fieldCount else { throw .headTooLarge }
                try draft.readField(bytes, line)
            }
        }
        searched = bytes.count
        // CR and LF may still follow.
        let isInLimits = bytes.count - lineStart <= limits.lineBytes + 1 && bytes.count < limits.bytes
        return isInLimits ? .more : .lineTooLong
    }

    private func fault(ofLineAt start: Int) -> HTTPFault { start == 0 ? .requestLineMalformed : .fieldMalformed }
}
