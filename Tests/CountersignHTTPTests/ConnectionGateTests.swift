import CountersignHTTP
import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import TokenExchange

/// Who gets a place, and who has to leave for whom.
@Suite struct ConnectionGateTests {
    private typealias Scene = ConnectionScene

    private static func several(
        _ count: Int, limits: ConnectionGate.Limits, from address: String = "192.0.2.1"
    ) throws -> [ConnectionScene] {
        var scenes = [try Scene(limits: limits, from: address)]
        while scenes.count < count { scenes.append(try Scene(from: address, beside: scenes[0])) }
        return scenes
    }

    private static func open(_ scenes: [ConnectionScene]) -> Int { scenes.count { $0.channel.isActive } }

    private static func isTurnedAway(from address: String = "192.0.2.1", beside neighbour: ConnectionScene) throws
        -> Bool
    {
        let scene = try Scene(from: address, beside: neighbour)
        return withExtendedLifetime(scene) { !scene.channel.isActive }
    }

    private static func refused(_ limit: String, _ scene: ConnectionScene) -> Int64 {
        scene.count("countersign_connections_refused_total", [("listener", "public"), ("limit", limit)])
    }

    @Test func limitsTheConnectionsOfASource() throws {
        let first = try Self.several(3, limits: .init(connections: 100, connectionsPerSource: 3))
        #expect(Self.open(first) == first.count)
        let fourth = try Scene(beside: first[0])
        #expect(!fourth.channel.isActive && Self.refused("source", first[0]) == 1)
        let other = try Scene(from: "192.0.2.2", beside: first[0])
        #expect(other.channel.isActive, "another source")
        _ = try first[1].channel.close().wait()
        first[1].loop.run()
        let next = try Scene(beside: first[0])
        #expect(next.channel.isActive, "a place is free again")
    }

    /// At the limit, one connection for each place may ask again, and so often.
    @Test func letsASourceThatHasAllItsPlacesAskAgain() throws {
        let limits = ConnectionGate.Limits(connections: 100, connectionsPerSource: 2)
        let first = try Self.several(2, limits: limits)
        let channel = first[0].channel
        func asksAgain(_ attempt: Int) -> Bool {
            let admission = first[0].gate.admit(channel, now: first[0].loop.now, attempt: attempt)
            return if case .later = admission { true } else { false }
        }
        #expect([asksAgain(0), asksAgain(0), asksAgain(0)] == [true, true, false])
        #expect((1...ConnectionGate.attempts).map(asksAgain) == [true, true, false])
        #expect(asksAgain(0), "one of them asks no more")
        #expect(Self.refused("source", first[0]) == 2)
        _ = try first[0].pass(ConnectionGate.pause)
        #expect(try Self.isTurnedAway(beside: first[0]), "neither has had an answer")
        _ = try first[1].send(Scene.get("/"))
        _ = try first[1].answers()
        _ = try first[0].pass(ConnectionGate.pause)
        let next = try Scene(beside: first[0])
        _ = try next.answers()
        #expect(next.channel.isActive && first.map(\.channel.isActive) == [true, false])
    }

    @Test func countsANetworkOfIPv6AsOneSource() throws {
        let limits = ConnectionGate.Limits(connections: 100, connectionsPerSource: 2)
        let first = try Self.several(2, limits: limits, from: "2001:db8::1")
        #expect(try Self.isTurnedAway(from: "2001:db8::ffff", beside: first[0]))
        let other = try Scene(from: "2001:db8:0:1::1", beside: first[0])
        #expect(other.channel.isActive)
    }

    @Test func countsAnIPv4AddressThatIsMappedIntoIPv6AsItself() throws {
        let limits = ConnectionGate.Limits(connections: 100, connectionsPerSource: 1)
        let first = try Scene(limits: limits, from: "::ffff:192.0.2.1")
        let other = try Scene(from: "::ffff:192.0.2.2", beside: first)
        #expect(other.channel.isActive)
        #expect(try Self.isTurnedAway(from: "192.0.2.1", beside: first))
    }

    @Test func doesNotLimitTheConnectionsOfTrustedProxies() throws {
        let proxies = IPNetworkSet([try #require(IPNetwork("192.0.2.0/24"))])
        let limits = ConnectionGate.Limits(connections: 4, connectionsPerSource: 1, exempt: proxies)
        let first = try Self.several(4, limits: limits)
        #expect(Self.open(first) == first.count)
        #expect(try Self.isTurnedAway(beside: first[0]))
        #expect(Self.refused("listener", first[0]) == 1)
    }

    @Test func takesZeroAsNoLimitOfASource() throws {
        #expect(Self.open(try Self.several(20, limits: .init(connections: 20))) == 20)
    }

    // MARK: - Giving way

    @Test func lastWaitsASecondBeforeAnotherGetsItsPlace() throws {
        let first = try Self.several(2, limits: .init(connections: 2))
        _ = try first[0].pass(.milliseconds(999))
        #expect(try Self.isTurnedAway(beside: first[0]))
        _ = try first[0].pass(.milliseconds(1))
        let third = try Scene(beside: first[0])
        _ = try first[0].answers()
        #expect(third.channel.isActive && Self.open(first) == 1)
        #expect(first[0].closed(.evicted) == 1)
    }

    @Test func takesThePlaceOfTheLongestWaiting() throws {
        let first = try Self.several(3, limits: .init(connections: 100, connectionsPerSource: 3))
        _ = try first[0].pass(.seconds(2))
        _ = try first[0].send(Scene.get("/"))
        _ = try first[2].send("GET / HTTP/1.1\r\nHost:")
        _ = try first[0].pass(.milliseconds(1))
        let fourth = try Scene(beside: first[0])
        _ = try fourth.answers()
        #expect(fourth.channel.isActive && first.map(\.channel.isActive) == [true, false, true])
    }

    /// An answer that its peer does not take, and a body that does not come, wait for the peer as well.
    @Test func takesThePlaceOfWhoeverItWaitsFor() throws {
        let first = try Self.several(2, limits: .init(connections: 2))
        first[0].channel.isWritable = false
        _ = try first[0].send(Scene.get("/"))
        _ = try first[1].send(Scene.post("/body", length: 5))
        _ = try first[0].pass(.seconds(1))
        let next = [try Scene(beside: first[0]), try Scene(beside: first[0])]
        _ = try first[0].answers()
        #expect(Self.open(next) == next.count && Self.open(first) == 0)
    }

    @Test func takesNoPlaceOfWhoIsBeingAnswered() throws {
        let first = try Self.several(2, limits: .init(connections: 2))
        for scene in first { _ = try scene.send(Scene.get("/wait\(ObjectIdentifier(scene).hashValue)")) }
        _ = try first[0].pass(.seconds(60))
        #expect(try Self.isTurnedAway(beside: first[0]))
        #expect(Self.open(first) == first.count)
    }

    /// A client that is turned out just as its request arrives is answered all the same, for the last time.
    @Test func answersARequestThatArrivesWithTheOrderToLeave() throws {
        let first = try Scene(limits: .init(connections: 1))
        _ = try first.pass(.seconds(1))
        let orders = try Scene(beside: first)
        try first.channel.writeInbound(ByteBuffer(string: Scene.get("/wait")))
        #expect(try first.answers() == "")
        #expect(orders.channel.isActive)
    }

    /// A flood from one address does not wait for its turn to be thrown out.
    @Test func sharesPlacesAmongSources() throws {
        let limits = ConnectionGate.Limits(connections: 4, connectionsPerSource: 4)
        let flood = try Self.several(4, limits: limits)
        let good = try Scene(from: "192.0.2.2", beside: flood[0])
        _ = try good.answers()
        #expect(good.channel.isActive && Self.open(flood) == 3)
        let second = try Scene(from: "192.0.2.2", beside: flood[0])
        _ = try good.answers()
        #expect(second.channel.isActive && Self.open(flood) == 2)
        #expect(try Self.isTurnedAway(from: "192.0.2.2", beside: flood[0]), "both have two")
        #expect(good.channel.isActive && second.channel.isActive)
    }

    // MARK: - Draining

    @Test func drainsWhatIsOpenAndWhatStillComes() throws {
        let first = try Self.several(2, limits: .init(connections: 10))
        _ = try first[1].send(Scene.get("/wait"))
        let isEmpty = Mutex(false)
        first[0].gate.drain { isEmpty.withLock { $0 = true } }
        let late = try Scene(beside: first[0])
        #expect(try late.send(Scene.get("/")).contains("Connection: close\r\n"))
        _ = try first[0].pass(.milliseconds(500))
        #expect(!first[0].channel.isActive && first[0].closed(.draining) == 1 && !isEmpty.withLock { $0 })
        first[1].routes.go("/wait")
        #expect(try first[1].answers().contains("Connection: close\r\n"))
        #expect(isEmpty.withLock { $0 })
    }

    @Test func endsEverythingAtOnce() throws {
        let first = try Self.several(4, limits: .init(connections: 10))
        _ = try first[1].send(Scene.get("/wait"))
        _ = try first[2].send(Scene.post("/body", length: 5) + "hell")
        first[3].channel.isWritable = false
        _ = try first[3].send(Scene.get("/"))
        first[0].gate.end()
        _ = try first[0].answers()
        #expect(Self.open(first) == 0 && first[0].closed(.shutdown) == 4)
        first[1].routes.go("/wait")
        _ = try first[1].answers()
        #expect(first[1].routes.wasCancelled && first[0].gate.counts == (0, 0))
    }
}
