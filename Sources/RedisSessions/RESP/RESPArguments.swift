package import NIOCore
import TokenExchange

/// Arguments of a command, binary safe, as RESP has them: `$3\r\nkey\r\n` for each.
package struct RESPArguments: Sendable, Equatable {
    package private(set) var bytes: [UInt8] = []
    /// How many there are.
    package private(set) var count = 0

    /// Empty.
    /// - Parameter capacity: a guess at the length of all arguments.
    package init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// One argument for each word.
    package init(_ words: String...) {
        for word in words { append(word.utf8) }
    }

    /// As one argument, whatever bytes it has.
    package mutating func append(_ argument: some Collection<UInt8>) {
        append(length: argument.count) { $0.append(contentsOf: argument) }
    }

    /// Appends what `write` puts at the end of the bytes, as one argument of this length.
    package mutating func append(length: Int, _ write: (inout [UInt8]) -> Void) {
        bytes.append(UInt8(ascii: "$"))
        bytes.append(decimal: Int64(length))
        endLine()
        let end = bytes.count + length
        write(&bytes)
        precondition(bytes.count == end, "an argument is as long as announced")
        endLine()
        count += 1
    }

    private mutating func endLine() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Appends a whole number as one argument.
    package mutating func append(_ number: Int) {
        var (length, rest) = (number < 0 ? 2 : 1, number.magnitude / 10)
        while rest > 0 { (length, rest) = (length + 1, rest / 10) }
        append(length: length) { $0.append(decimal: Int64(number)) }
    }
}

extension RESPArguments {
    /// Says how many words a command has.
    fileprivate static func head(_ count: Int) -> [UInt8] { Array("*\(count)\r\n".utf8) }

    /// For as many as our commands have.
    fileprivate static let heads = (0..<16).map(head)
}

/// Passwords and sealed records travel in arguments.
extension RESPArguments: Redacted {}

extension ByteBuffer {
    /// Appends one command: `opening` (its name and what goes with it), then `arguments`.
    package mutating func writeCommand(_ opening: RESPArguments, _ arguments: RESPArguments) {
        let count = opening.count + arguments.count
        writeBytes(count < RESPArguments.heads.count ? RESPArguments.heads[count] : RESPArguments.head(count))
        writeBytes(opening.bytes)
        writeBytes(arguments.bytes)
    }
}
