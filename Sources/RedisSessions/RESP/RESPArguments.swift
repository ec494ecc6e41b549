import TokenExchange

/// Arguments of a command, binary safe: one run of bytes and the length of each argument in it.
package struct RESPArguments: Sendable, Equatable {
    /// Of all arguments, one after the other.
    package private(set) var bytes: [UInt8] = []
    /// Of each argument, in bytes.
    package private(set) var lengths: [Int] = []

    /// Empty; the numbers are a guess at what will be appended.
    package init(reservingBytes byteCount: Int, arguments argumentCount: Int) {
        bytes.reserveCapacity(byteCount)
        lengths.reserveCapacity(argumentCount)
    }

    /// One argument for each word.
    package init(_ words: String...) {
        for word in words { append(word.utf8) }
    }

    /// As one argument, whatever bytes it has.
    package mutating func append(_ argument: some Collection<UInt8>) {
        appendArgument { $0.append(contentsOf: argument) }
    }

    /// Appends what `write` puts at the end of the bytes, as one argument.
    package mutating func appendArgument(_ write: (inout [UInt8]) -> Void) {
        let start = bytes.count
        write(&bytes)
        lengths.append(bytes.count - start)
    }
}

/// Passwords and sealed records travel in arguments.
extension RESPArguments: Redacted {}
