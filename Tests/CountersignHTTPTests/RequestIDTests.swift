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

    /// Of a process and of a request in it, in 16 digits each.
    @Test func countsItsOwnIdentifiers() throws {
        let scene = try ConnectionScene()
        let ids = try (0..<3).map { _ in
            let answer = try scene.send(ConnectionScene.get("/x"))
            return try #require(answer.firstMatch(of: /\r\nX-Request-Id: ([0-9a-f]{16})([0-9a-f]{16})\r\n/)).output
        }
        #expect(Set(ids.map(\.1)).count == 1)
        #expect(Set(ids.map(\.2)).count == 3 && ids.allSatisfy { $0.2.hasPrefix("000000") })
    }
}
