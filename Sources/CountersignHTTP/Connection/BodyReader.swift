package import NIOCore

/// Reads the body of a request (RFC 9112 §6 and §7) as its bytes arrive. Trailers are checked and dropped.
package struct BodyReader {
    /// How a head announces the body.
    package enum Length: Equatable {
        case none
        case bytes(Int)
        case chunked
    }

    /// How far reading has come.
    package enum Progress: Equatable {
        /// The end of the body has not arrived.
        case more
        case complete
        case tooLarge
        case refused(HTTPFault)
    }

    private enum State {
        /// How many bytes are still to come.
        case content(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailers
        case complete
    }

    private var state: State
    private let limits: HeadLimits
    private var trailerBytes = 0
    private var trailerCount = 0
    /// What has arrived of the body, without the framing of chunks.
    package private(set) var content: [UInt8] = []

    /// - Parameter limits: of the trailers.
    package init(_ length: Length, limits: HeadLimits) {
        state =
            switch length {
            case .none, .bytes(0): .complete
            case .bytes(let count): .content(count)
            case .chunked: .chunkSize
            }
        self.limits = limits
    }

    /// Moves the bytes of the body from `input` to `content`, which never grows beyond `limit` bytes.
    package mutating func read(_ input: inout ByteBuffer, upTo limit: Int) -> Progress {
        do throws(HTTPFault) {
            while true {
                let isFurther: Bool
                switch state {
                case .complete: return .complete
                case .content(let rest):
                    guard rest <= limit - content.count else { return .tooLarge }
                    let left = take(rest, from: &input)
                    state = left == 0 ? .complete : .content(left)
                    isFurther = left == 0
                case .chunk(let rest):
                    guard rest <= limit - content.count else { return .tooLarge }
                    let left = take(rest, from: &input)
                    state = left == 0 ? .chunkEnd : .chunk(left)
                    isFurther = left == 0
                case .chunkSize: isFurther = try readChunkSize(&input)
                case .chunkEnd: isFurther = try readChunkEnd(&input)
                case .trailers: isFurther = try readTrailer(&input)
                }
                guard isFurther else { return .more }
            }
        } catch { return .refused(error) }
    }

    /// - Returns: how many of the `count` bytes have not arrived yet.
    private mutating func take(_ count: Int, from input: inout ByteBuffer) -> Int {
        let taken = min(count, input.readableBytes)
        guard taken > 0 else { return count }
        if content.isEmpty { content.reserveCapacity(count) }
        content.append(contentsOf: input.readableBytesView.prefix(taken))
        input.moveReaderIndex(forwardBy: taken)
        return count - taken
    }

    // MARK: - Chunks

    /// The longest line with a chunk's size and its extensions, which are ignored.
    private static let chunkLineBytes = 256

    private mutating func readChunkSize(_ input: inout ByteBuffer) throws(HTTPFault) -> Bool {
        guard let line = try Self.line(&input, upTo: Self.chunkLineBytes, orElse: .chunkMalformed) else { return false }
        let digits = line.prefix { ASCII.hexadecimal($0) != nil }
        let extensions = line.dropFirst(digits.count)
        guard extensions.isEmpty || extensions.first == UInt8(ascii: ";"), extensions.allSatisfy(ASCII.isFieldValue),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .chunkMalformed }
        state = size == 0 ? .trailers : .chunk(size)
        return true
    }

    private mutating func readChunkEnd(_ input: inout ByteBuffer) throws(HTTPFault) -> Bool {
        guard try Self.line(&input, upTo: 0, orElse: .chunkMalformed) != nil else { return false }
        state = .chunkSize
        return true
    }

    private mutating func readTrailer(_ input: inout ByteBuffer) throws(HTTPFault) -> Bool {
        guard let line = try Self.line(&input, upTo: limits.lineBytes, orElse: .trailersTooLarge) else {
            guard trailerBytes + input.readableBytes < limits.bytes else { throw .trailersTooLarge }
            return false
        }
        trailerBytes += line.count + 2
        guard trailerBytes <= limits.bytes else { throw .trailersTooLarge }
        if line.isEmpty {
            state = .complete
            return true
        }
        trailerCount += 1
        guard trailerCount <= limits.fieldCount else { throw .trailersTooLarge }
        _ = try HeadDraft.field(line, line.startIndex..<line.endIndex)
        return true
    }

    /// Takes a line out of `input`, without its CR LF; nil if its end has not arrived yet.
    /// - Parameter fault: thrown if the line is longer than `limit`.
    private static func line(
        _ input: inout ByteBuffer, upTo limit: Int, orElse fault: HTTPFault
    ) throws(HTTPFault) -> ByteBufferView? {
        let bytes = input.readableBytesView.prefix(limit + 2)
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            if bytes.count == limit + 2 { throw fault }
            return nil
        }
        let line = bytes[..<end]
        guard line.last == UInt8(ascii: "\r") else { throw .chunkMalformed }
        input.moveReaderIndex(forwardBy: line.count + 1)
        return line.dropLast()
    }
}
