/// Which server has which slot.
struct ClusterMap {
    /// Slots in a row that one master has.
    struct Range: Equatable {
        let slots: ClosedRange<Int>
        let master: RedisAddress
    }

    /// The most that Redis supports; each gets connections.
    static let maximumMasters = 1000

    private var byAddress: [RedisAddress: RedisNode] = [:]
    private var bySlot = [RedisNode?](repeating: nil, count: ClusterSlot.count)

    /// In no order.
    var nodes: [RedisNode] { Array(byAddress.values) }

    /// One for each server that has slots, and one for the slots that nobody has.
    var tags: [ServerTag] {
        var missing = Set(bySlot.map { $0.map(ObjectIdentifier.init) })
        var tags: [ServerTag] = []
        var number = 0
        while !missing.isEmpty {
            let tag = Array(String(number).utf8)
            number += 1
            let node = bySlot[Int(ClusterSlot(ofTag: tag).number)]
            if missing.remove(node.map(ObjectIdentifier.init)) != nil {
                tags.append(ServerTag(text: tag, server: node?.address))
            }
        }
        return tags
    }

    /// Any server if the slot is nil.
    func node(for slot: ClusterSlot?) -> RedisNode? {
        guard let slot else { return byAddress.values.first(where: \.isHealthy) ?? byAddress.values.first }
        return bySlot[Int(slot.number)]
    }

    /// Nil for a server that is not known yet.
    func node(at address: RedisAddress) -> RedisNode? { byAddress[address] }

    /// Nil if there are too many.
    mutating func add(_ make: () -> RedisNode) -> RedisNode? {
        guard byAddress.count < Self.maximumMasters else { return nil }
        let node = make()
        byAddress[node.address] = node
        return node
    }

    /// `address` must be a node's; others leave the slot without one.
    mutating func assign(_ slot: ClusterSlot, to address: RedisAddress) {
        bySlot[Int(slot.number)] = byAddress[address]
    }

    /// - Parameter make: a node for an address that is new.
    /// - Returns: the nodes that have no slot any more.
    mutating func replace(with ranges: [Range], _ make: (RedisAddress) -> RedisNode) -> [RedisNode] {
        var slots = [RedisNode?](repeating: nil, count: ClusterSlot.count)
        var kept: [RedisAddress: RedisNode] = [:]
        for range in ranges {
            let node = kept[range.master] ?? byAddress[range.master] ?? make(range.master)
            kept[range.master] = node
            for slot in range.slots { slots[slot] = node }
        }
        defer {
            byAddress = kept
            bySlot = slots
        }
        return byAddress.filter { kept[$0.key] == nil }.map(\.value)
    }
}

extension ClusterMap.Range {
    /// The reply to `CLUSTER SLOTS`: `[[first, last, [host, port, …], replicas…], …]`. Nil if it is none, or names more
    /// masters than there can be.
    /// - Parameter server: the one that replied, which leaves its own host out.
    static func all(in reply: RESPReply, from server: RedisAddress) -> [Self]? {
        guard case .array(let entries) = reply else { return nil }
        var ranges: [Self] = []
        for entry in entries {
            guard case .array(let parts) = entry, parts.count >= 3,
                case .integer(let first) = parts[0], case .integer(let last) = parts[1],
                0 <= first, first <= last, last < ClusterSlot.count,
                case .array(let master) = parts[2], master.count >= 2, case .integer(let port) = master[1]
            else { return nil }
            let host = master[0].text.flatMap { $0.isEmpty || $0 == "?" ? nil : $0 } ?? server.host
            guard let address = RedisAddress(toldHost: host, port: port) else { return nil }
            ranges.append(Self(slots: Int(first)...Int(last), master: address))
        }
        return Set(ranges.map(\.master)).count <= ClusterMap.maximumMasters ? ranges : nil
    }
}

extension RESPReply {
    /// Of a bulk string or a status; nil for others.
    var text: String? {
        switch self {
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        default: nil
        }
    }
}
