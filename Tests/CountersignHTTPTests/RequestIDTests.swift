import Testing

/// A request's identifier goes into the log and to other services, so only short plain ones are taken over.
@Suite struct RequestIDTests {
    @Test(arguments: [
        ("a", true), (String(repeating: "a", count: 128), true), (String(repeating: "a", count: 129), false),
        ("", false), ("a b", false), ("a\"b", false), ("ä", false),
    ])
    func takesOverAShortPlainIdentifier(id: String, isTakenOver: Bool) throws {
        let scene = try ConnectionScene()
        let answer = try scene.send(ConnectionScene.get("/x", "X-Request-Id: \(id)\r\n"))
        #expect(answer.contains("\r\nX-Request-Id: \(id)\r\n") == isTakenOver)
        #expect(answer.contains(/\r\nX-Request-Id: [^\r]+\r\n/))
    }
}
