import Outbound
import TestSupport
import Testing

/// Bodies that a server has coded although it was asked not to.
@Suite struct CodedBodyTests {
    private static let text = #"{"token":"up_1","list":[1,2,3,4,5,6,7,8,9]}"#
    private static let notCoded = OutboundFault(.refused, "its body is not coded as its Content-Encoding says")

    private static func server(
        _ coding: String, _ body: [UInt8], _ certificate: TestCertificate? = nil
    ) async throws -> FakeHTTPServer {
        try await FakeUpstream.start(
            .whole(status: 200, headers: ["Content-Encoding": coding], body: body), certificate: certificate,
            offersHTTP2: certificate != nil)
    }

    @Test(arguments: ["gzip", "deflate", "GZIP", "x-gzip", "gzip, identity"], [false, true])
    func readsABodyThatIsCodedAnyway(coding: String, isHTTP2: Bool) async throws {
        let body = try await CodedBody.make(coding == "deflate" ? coding : "gzip", of: "b'''\(Self.text)'''")
        let certificate = isHTTP2 ? try TestCertificate() : nil
        let server = try await Self.server(coding, body, certificate)
        let client = try Client(trusting: certificate)
        for _ in 0..<2 { #expect(try await client.text(server.url) == Self.text) }
        #expect(server.requests[0].header("Accept-Encoding") == "identity")
        #expect(server.requests[0].isHTTP2 == isHTTP2 && server.connectionCount == 1)
        try await server.stop()
    }

    @Test func readsABodyThatSaysThatItIsNotCoded() async throws {
        let server = try await Self.server("identity", Array(Self.text.utf8))
        #expect(try await Client().text(server.url) == Self.text)
        try await server.stop()
    }

    @Test(arguments: [
        ("br", "br"), ("zstd", "zstd"), ("gzip, gzip", "gzip, gzip"), ("x-MARKER", "an unknown coding"),
        ("gzip, br, x-MARKER", "gzip, br"),
    ])
    func namesACodingThatItCannotRead(coding: String, name: String) async throws {
        let server = try await Self.server(coding, Array(Self.text.utf8))
        let fault = await (try Client()).fault(server.url)
        #expect(
            fault
                == OutboundFault(
                    .refused, "a body coded as \(name), where identity, gzip and deflate can be read"))
        try await server.stop()
    }

    @Test(arguments: ["b'x' * 10_000_000", "b'x' * 100_000"], [false, true])
    func refusesABodyThatExplodes(text: String, isHTTP2: Bool) async throws {
        let certificate = isHTTP2 ? try TestCertificate() : nil
        let server = try await Self.server("gzip", try await CodedBody.make("gzip", of: text), certificate)
        let client = try Client(bodyBytes: 20_000_000, trusting: certificate)
        let fault = await client.fault(server.url)
        #expect(fault == OutboundFault(.refused, "its body becomes more than 100 times larger by being decoded"))
        try await server.stop()
    }

    /// Some 80 times larger, which is a lot for JSON, and within the bound.
    @Test func readsABodyThatShrankALot() async throws {
        let body = try await CodedBody.make("gzip", of: "b'0123456789' * 500")
        #expect((50..<100).contains(5000 / body.count), "\(body.count)")
        let server = try await Self.server("gzip", body)
        #expect(try await Client().text(server.url).utf8.count == 5000)
        try await server.stop()
    }

    @Test(arguments: [(-1, true), (0, true), (1, false)])
    func countsTheBytesOfADecodedBody(beyond: Int, isTaken: Bool) async throws {
        let body = try await CodedBody.make("gzip", of: "bytes(range(250)) * 4 + b'x' * \(beyond + 1)")
        let server = try await Self.server("gzip", body)
        let fault = await (try Client(bodyBytes: 1001)).fault(server.url)
        #expect(fault == (isTaken ? nil : OutboundFault(.refused, "larger than 1001 bytes")))
        try await server.stop()
    }

    @Test func refusesABodyThatIsNotWhatItSays() async throws {
        let whole = try await CodedBody.make("gzip", of: "b'''\(Self.text)'''")
        for body in [Array(Self.text.utf8), Array(whole.dropLast(10)), whole + Array("more".utf8)] {
            let server = try await Self.server("gzip", body)
            #expect(await (try Client()).fault(server.url) == Self.notCoded)
            try await server.stop()
        }
    }
}
