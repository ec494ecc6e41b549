import Foundation
import TestSupport
import Testing
import TokenExchange

@Suite struct IPAddressTests {
    /// What `inet_pton` reads, as an IPv6 address of 16 bytes.
    private func independent(_ text: String) -> IPAddress? {
        var (four, sixteen) = (in_addr(), in6_addr())
        if inet_pton(AF_INET, text, &four) == 1 { return IPAddress(ipv4: UInt32(bigEndian: four.s_addr)) }
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        return withUnsafeBytes(of: &sixteen) { bytes in
            IPAddress(bits: bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
        }
    }

    private static let texts = [
        "0.0.0.0", "255.255.255.255", "192.0.2.1", "192.0.2.256", "192.0.2", "192.0.2.1.", ".192.0.2.1", "192.0.2.1.5",
        "192.0.2.01", "192.0.2.00", "192.0.2.1000", "0x7f.0.0.1", "2130706433", "192.0.2.+1", "192.0.2.-1", "192..2.1",
        "::", "::1", "1::", "2001:db8::1", "2001:DB8::a", "2001:db8:0:0:0:0:0:1", "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3",
        ":::", ":", ":1", "1:", "1::2:", ":1::2", "12345::", "::00001", "::g", "::+1", "::-1", "::ffff:192.0.2.1",
        "::192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1", "192.0.2.1::", "::192.0.2.1:1",
        "::ffff:192.0.2", "::ffff:c000:201", "fe80::1%eth0", "[::1]", "::1 ", " ::1", "192.0.2.1:80", "192.0.2.1/8", "",
        "unknown", "localhost", "192.0.2.١", "1:2:3:4:5:6:7:8:192.0.2.1",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
        String(repeating: "0", count: 100), String(repeating: ":", count: 100), String(repeating: "1.", count: 100),
    ]

    @Test(arguments: texts)
    func readsWhatTheSystemReads(text: String) {
        #expect(IPAddress(text.utf8) == independent(text))
    }

    @Test func readsWhatTheSystemReadsOfRandomTexts() {
        var generator = SeededGenerator(seed: 11)
        let pieces = ["::", ":", ":", ".", "0", "1", "ffff", "10", "255", "256", "192.0.2.1", "db8", "%", "/", "g"]
        for _ in 0..<50_000 {
            let text = (0..<Int.random(in: 1...16, using: &generator)).map { _ in
                pieces.randomElement(using: &generator)!
            }.joined()
            #expect(IPAddress(text.utf8) == independent(text), "\(text)")
        }
    }

    @Test func isWrittenInOneWay() throws {
        let forms = [
            "192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "0:0:0:0:0:0:0:0": "::", "::0001": "::1",
            "2001:DB8:0:0:1:0:0:1": "2001:db8::1:0:0:1", "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
            "1:0:0:0:0:0:0:0": "1::", "1:0:0:2:0:0:0:3": "1:0:0:2::3",
        ]
        for (text, form) in forms { #expect(try #require(IPAddress(text.utf8)).description == form) }
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<10_000 {
            // Half of the groups are zero, so that there are gaps.
            let address = IPAddress(
                bits: (0..<8).reduce(UInt128(0)) { bits, _ in
                    bits << 16
                        | (Bool.random(using: &generator) ? 0 : UInt128.random(in: 0...0xFFFF, using: &generator))
                })
            #expect(IPAddress(address.description.utf8) == address, "\(address)")
        }
    }
}

@Suite struct IPNetworkTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text.utf8)) }

    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
        ("192.0.2.6/31", ["192.0.2.6", "192.0.2.7"], ["192.0.2.5", "192.0.2.8"]),
        ("192.0.2.7/32", ["192.0.2.7", "::ffff:c000:207"], ["192.0.2.6", "192.0.2.8"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "2001:db8::1"]),
        ("::/0", ["::", "::1", "ffff::"], ["0.0.0.0", "::ffff:192.0.2.1"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::", "2001:db9::"]),
        ("2001:db8::1/128", ["2001:db8::1"], ["2001:db8::", "2001:db8::2"]),
        ("::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.0"]),
    ])
    func containsWhatBeginsWithItsBits(network: String, inside: [String], outside: [String]) throws {
        let set = IPNetworkSet([try #require(IPNetwork(network))])
        for text in inside { #expect(set.contains(try address(text)), "\(text)") }
        for text in outside { #expect(!set.contains(try address(text)), "\(text)") }
    }

    @Test func containsNothingIfEmptyAndWhatAnyOfItsNetworksContains() throws {
        #expect(!IPNetworkSet([]).contains(try address("192.0.2.1")))
        let set = IPNetworkSet(try ["10.0.0.0/8", "2001:db8::/32"].map { try #require(IPNetwork($0)) })
        #expect(try set.contains(address("10.1.1.1")) && set.contains(address("2001:db8::5")))
        #expect(try !set.contains(address("192.0.2.1")))
    }

    @Test(arguments: [
        "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/ 8", "10.0.0.0/8/8", "/8",
        "::/129", "::/x", "10.0.0/8", "proxy.internal", "10.0.0.0/255.0.0.0", "fe80::1%eth0/64", "",
        "10.0.0.0/99999999999999999999",
    ])
    func isReadOnlyFromAnAddressAndAPrefix(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test func isWrittenWithTheBitsAfterItsPrefixCleared() throws {
        for (text, form) in [
            "10.1.2.3/8": "10.0.0.0/8", "192.0.2.1": "192.0.2.1", "192.0.2.1/32": "192.0.2.1",
            "2001:db8::1/32": "2001:db8::/32", "::ffff:10.1.2.3/104": "10.0.0.0/8", "1.2.3.4/0": "0.0.0.0/0",
        ] {
            #expect(try #require(IPNetwork(text)).description == form)
        }
    }

    @Test func isOneSourceForEachIPv4AddressAndEachSubscriberOfIPv6() throws {
        func source(_ text: String) throws -> RequestSource { RequestSource(try address(text)) }
        #expect(try source("192.0.2.1") != source("192.0.2.2"))
        #expect(try source("192.0.2.1") == source("::ffff:192.0.2.1"))
        #expect(try source("2001:db8:1:2::1") == source("2001:db8:1:2:ffff::9"))
        #expect(try source("2001:db8:1:2::1") != source("2001:db8:1:3::1"))
        // It begins with the same bytes, but is another address.
        #expect(try source("32.1.13.184") != source("2001:db8::1"))
    }
}
