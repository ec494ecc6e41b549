import CountersignHTTP
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@Suite struct RequestTimeoutTests {
    private let loop = EmbeddedEventLoop()

    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(
            RequestTimeoutHandler(requestTimeout: .seconds(10), idleTimeout: .seconds(60)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private let head = HTTPRequestPart.head(HTTPRequest(method: .post, scheme: "http", authority: "x", path: "/"))

    private func answer(_ channel: EmbeddedChannel) throws {
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
    }

    @Test func endsARequestThatIsNotCompleteInTime() throws {
        let channel = try channel()
        loop.advanceTime(by: .seconds(3))
        try channel.writeInbound(head)
        loop.advanceTime(by: .milliseconds(9999))
        try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "x")))
        try channel.throwIfErrorCaught()
        loop.advanceTime(by: .milliseconds(1))
        #expect(throws: RequestTimeoutHandler.TimedOut.self) { try channel.throwIfErrorCaught() }
        #expect(channel.isActive, "the answer comes first")
        try answer(channel)
        #expect(!channel.isActive)
    }

    @Test func leavesTimeForAnAnswer() throws {
        let channel = try channel()
        try channel.writeInbound(head)
        try channel.writeInbound(HTTPRequestPart.end(nil))
        loop.advanceTime(by: .seconds(300))
        try channel.throwIfErrorCaught()
        #expect(channel.isActive)
        try answer(channel)
        loop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive, "idle for a minute")
    }

    @Test func closesAConnectionThatGoesOnSendingAfterItsAnswer() throws {
        let channel = try channel()
        try channel.writeInbound(head)
        try answer(channel)
        loop.advanceTime(by: .seconds(11))
        #expect(!channel.isActive)
    }
}
