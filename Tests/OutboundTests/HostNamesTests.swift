import Glibc
import NIOCore
import Outbound
import Synchronization
import TestSupport
import Testing

/// Names of servers, and name servers that do not answer.
@Suite struct HostNamesTests {
    @Test(arguments: ["localhost", "127.0.0.1"])
    func findsAServerByNameAndByAddress(host: String) async throws {
        let server = try await FakeUpstream.start(.body("{}"))
        #expect(try await Client().text("http://\(host):\(server.port)/") == "{}")
        try await server.stop()
    }

    @Test func saysThatThereIsNoSuchName() async throws {
        let names = HostNames { _ in throw OutboundFault(.notSent, "host name not found") }
        let fault = await (try Client(names: names)).fault("http://nowhere.example/")
        #expect(fault == OutboundFault(.notSent, "host name not found"))
        let none = await (try Client(names: HostNames { _ in [] })).fault("http://nowhere.example/")
        #expect(none == OutboundFault(.notSent, "no address for the host name"))
    }

    @Test func findsOthersWhileOneNameServerDoesNotAnswer() async throws {
        let server = try await FakeUpstream.start(.body("{}"))
        let (isOver, lookUps) = (Over(), CallCount())
        let names = HostNames { host in
            if host == "hanging.example" {
                _ = lookUps.next()
                while !isOver.value.load(ordering: .relaxed) { usleep(1000) }
            }
            return [try SocketAddress(ipAddress: "127.0.0.1", port: 0)]
        }
        let client = try Client(names: names)
        try await withThrowingTaskGroup(of: OutboundFault?.self) { group in
            // More than there are event loops.
            for _ in 0..<20 {
                group.addTask { await client.fault("http://hanging.example/", within: .milliseconds(500)) }
            }
            try await eventually("a look-up") { lookUps.count == 1 }
            #expect(try await client.text("http://other.example:\(server.port)/") == "{}")
            for try await fault in group { #expect(fault?.kind == .timedOut) }
        }
        #expect(lookUps.count == 1, "one thread for the name")
        isOver.value.store(true, ordering: .relaxed)
        try await server.stop()
    }

    private final class Over: Sendable {
        let value = Atomic(false)
    }
}
