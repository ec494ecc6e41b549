import NIOCore
import RedisSessions
import TestSupport
import Testing

@Suite struct RESPCodecTests {
    private static let wire = Array(
        """
        +OK\r\n-OOM command not allowed when used memory > 'maxmemory'.\r\n:-42\r\n$0\r\n\r\n$-1\r\n*-1\r\n$7\r\na\r\nb\0c!\r\n\
        *3\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n$-1\r\n*0\r\n

        """.utf8.dropLast())
    private static let replies: [RESPReply] = [
        .status("OK"), .error(code: "OOM"), .integer(-42), .bulk([]), .null, .null, .bulk(Array("a\r\nb\0c!".utf8)),
        .array([.integer(1), .array([.status("a"), .bulk([0x62])]), .null]), .array([]),
    ]

    @Test func readsRepliesOfEveryKind() throws {
        #expect(try read([Self.wire[...]]) == Self.replies)
    }

    @Test(arguments: [(65_535, false), (65_536, false), (65_537, true)])
    func boundsTheElementsOfAnArray(count: Int, isRefused: Bool) {
        var reader = RESPReaderHandle()
        do {
            try reader.feed(ByteBuffer(string: "*\(count)\r\n").readableBytesView)
            let reply = try reader.next()
            #expect(reply == nil && !isRefused)
        } catch { #expect(isRefused) }
    }

    @Test func readsRepliesThatArriveByteByByte() throws {
        let pieces = Self.wire.indices.map { Self.wire[$0...$0] }
        #expect(try read(pieces) == Self.replies)
    }

    @Test func readsRepliesHoweverTheyAreSplit() throws {
        var generator = SeededGenerator(seed: 0xC0DEC)
        for _ in 0..<500 {
            var rest = Self.wire[...]
            var pieces = [ArraySlice<UInt8>]()
            while !rest.isEmpty {
                let count = Int.random(in: 0...min(rest.count, 20), using: &generator)
                pieces.append(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            #expect(try read(pieces) == Self.replies)
        }
    }

    @Test func keepsOnlyTheCodeOfAnError() throws {
        let error = Array("-WRONGPASS invalid username-password pair\r\n-ERR\r\n-upstream failure\r\n".utf8)
        #expect(try read([error[...]]) == [.error(code: "WRONGPASS"), .error(code: "ERR"), .error(code: "upstream")])
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "\u{0}\r\n", "*99999999\r\n", "*2147483647\r\n"])
    func refusesWhatIsNoReply(text: String) {
        #expect(throws: RESPProtocolError.self) { try read([Array(text.utf8)[...]]) }
    }

    /// One byte each; what comes after would be read as another reply than it is.
    @Test(arguments: [
        "$3\r\nabcd\r\n", "$5\r\nabcd\r\n+OK\r\n", "+OKX\n+OK\r\n", "+OK\rX+OK\r\n", "-ERR\rX-ERR\r\n",
        "-4\r\nabcd\r\n",
        "-2\r\n", "-\r\n", ":1x\r\n", "*2x\r\n", "$4x\r\n",
    ])
    func refusesDamagedLengthsAndLineEnds(text: String) {
        #expect(throws: RESPProtocolError.self) { try read([Array(text.utf8)[...]]) }
    }

    @Test func refusesArraysNestedWithoutEnd() {
        let nested = Array(String(repeating: "*1\r\n", count: 100).utf8)
        #expect(throws: RESPProtocolError.self) { try read([nested[...]]) }
    }

    @Test func refusesReplyBeyondBound() {
        let endless = Array("$20000000\r\n".utf8) + [UInt8](repeating: 0x61, count: RESPReaderHandle.maximumReplyBytes)
        #expect(throws: RESPProtocolError.self) { try read([endless[...]]) }
    }

    @Test func boundsEachReplyAndNotTheirSum() throws {
        let reply = Array("$1000\r\n".utf8) + [UInt8](repeating: 0x61, count: 1000) + Array("\r\n".utf8)
        var reader = RESPReaderHandle()
        let flood = ByteBuffer(bytes: (0..<3000).flatMap { _ in reply })
        try reader.feed(flood.readableBytesView)
        var count = 0
        while try reader.next() != nil { count += 1 }
        #expect(count == 3000)
    }

    @Test func writesBinarySafeCommands() {
        var arguments = RESPArguments()
        arguments.append([0, 13, 10, 0xFF])
        arguments.append([])
        arguments.append(length: 3) { $0.append(contentsOf: "end".utf8) }
        var buffer = ByteBuffer(string: "before")
        buffer.writeCommand(RESPArguments("SET", "key"), arguments)
        let expected =
            Array("before*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\n".utf8) + [0, 13, 10, 0xFF]
            + Array("\r\n$0\r\n\r\n$3\r\nend\r\n".utf8)
        #expect(Array(buffer.readableBytesView) == expected)
    }

    @Test func writesCommandsWithoutArguments() {
        var buffer = ByteBuffer()
        buffer.writeCommand(RESPArguments("PING"), RESPArguments())
        #expect(String(buffer: buffer) == "*1\r\n$4\r\nPING\r\n")
    }

    @Test func argumentsNeverPrintTheirBytes() {
        let arguments = RESPArguments("AUTH", "open sesame")
        var dumped = ""
        dump(arguments, to: &dumped)
        #expect(!"\(arguments) \(String(reflecting: arguments)) \(dumped)".contains("sesame"))
    }

    private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [RESPReply] {
        var reader = RESPReaderHandle()
        var replies = [RESPReply]()
        for piece in pieces {
            try reader.feed(ByteBuffer(bytes: piece).readableBytesView)
            while let reply = try reader.next() { replies.append(reply) }
        }
        return replies
    }
}
