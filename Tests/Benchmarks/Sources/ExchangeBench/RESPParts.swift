import NIOCore
import RedisSessions
import TestSupport
import TokenExchange

/// Redis' protocol: the command of an exchange, and the answers to it, read by hiredis.
enum RESPParts {
    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let (session, answer) = (login.session, login.answer)
        let digest = String(repeating: "0", count: 40)
        let opening = RESPArguments("EVALSHA", digest)
        // As long as the store's own.
        let name = Base64URL.text(session.key.digest)
        var arguments = RESPArguments("1", "countersign:{abc}:answer:\(name)", "countersign:{abc}:session:\(name)")
        let words = ["10800", "300", "", "0", "0"].map { Array($0.utf8) }
        for word in [session.record.bytes, words[0], name.bytes + answer.bytes] + words[1...] {
            arguments.append(word)
        }
        var buffer = ByteBuffer()
        try await bench.measure("RESP encode: an exchange, \(arguments.bytes.count) bytes") {
            buffer.clear()
            buffer.writeCommand(opening, arguments)
        }
        for (name, text) in [
            ("RESP decode: stored", Array("$-1\r\n".utf8)),
            ("RESP decode: an earlier answer and its session", pair(answer.bytes, session.record.bytes)),
        ] {
            var reader = RESPReaderHandle()
            let bytes = ByteBuffer(bytes: text).readableBytesView
            try await bench.measure(name) {
                try reader.feed(bytes)
                guard let reply = try reader.next() else { throw ProgramFailure(description: "the reply is not whole") }
                return reply
            }
        }
    }

    private static func pair(_ records: [UInt8]...) -> [UInt8] {
        Array("*\(records.count)\r\n".utf8)
            + records.flatMap { Array("$\($0.count)\r\n".utf8) + $0 + Array("\r\n".utf8) }
    }
}
