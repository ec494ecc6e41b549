package import NIOCore
import NIOPosix
import Synchronization

/// Answers commands as the test says: with what no real server would. On 127.0.0.1.
package final class FakeRedis: Sendable {
    /// The words of a command, and on the how manieth connection it came.
    package typealias Answer = @Sendable (_ words: [String], _ connection: Int) -> Reply

    package enum Reply: Sendable {
        /// As it goes over the wire.
        case bytes(String)
        case nothing
        /// As it goes over the wire; then the connection is closed.
        case last(String)
    }

    package let port: Int
    private let listener: any Channel

    package static func start(_ answer: @escaping Answer) async throws -> FakeRedis {
        let connections = Atomic<Int>(0)
        let count = { @Sendable in connections.wrappingAdd(1, ordering: .relaxed).oldValue }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Conversation(answer, connection: count()))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw SocketFailure(code: 0) }
        return FakeRedis(port: port, listener: listener)
    }

    private init(port: Int, listener: any Channel) {
        self.port = port
        self.listener = listener
    }

    deinit { listener.close(promise: nil) }

    /// What a healthy server answers to the opening commands; nil to others.
    package static func greeting(_ words: [String]) -> Reply? {
        switch words[0] {
        case "AUTH", "SELECT", "CLIENT": .bytes("+OK\r\n")
        case "PING": .bytes("+PONG\r\n")
        case "ROLE": .bytes("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        case "SCRIPT": .bytes("$40\r\n\(String(repeating: "a", count: 40))\r\n")
        default: nil
        }
    }

    private final class Conversation: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let answer: Answer
        private let connection: Int
        private var commands = RESPCommands()

        init(_ answer: @escaping Answer, connection: Int) {
            self.answer = answer
            self.connection = connection
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            commands.feed(unwrapInboundIn(data))
            while let words = commands.next() {
                switch answer(words, connection) {
                case .bytes(let text):
                    context.channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
                case .nothing: break
                case .last(let text):
                    let channel = context.channel
                    channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in channel.close(promise: nil) }
                    return
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// Takes commands out of what a client sends.
package struct RESPCommands {
    private var bytes = ByteBuffer()

    package init() {}

    package mutating func feed(_ more: ByteBuffer) { bytes.writeImmutableBuffer(more) }

    package mutating func clear() { bytes.clear() }

    /// The words of the next whole command; nil if there is none yet.
    package mutating func next() -> [String]? {
        var rest = bytes
        guard let count = rest.number(after: "*") else { return nil }
        var words: [String] = []
        for _ in 0..<count {
            guard let length = rest.number(after: "$"), let word = rest.readString(length: length),
                rest.readString(length: 2) != nil
            else { return nil }
            words.append(word)
        }
        bytes = rest
        return words
    }
}

extension ByteBuffer {
    fileprivate mutating func number(after mark: Character) -> Int? {
        guard let end = readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
            let line = readBytes(length: end - readerIndex + 1), line.first == mark.asciiValue
        else { return nil }
        return Int(String(decoding: line.dropFirst().dropLast(2), as: UTF8.self))
    }
}
