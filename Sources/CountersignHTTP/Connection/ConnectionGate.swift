package import NIOCore
import Synchronization
package import TokenExchange

/// Limits the number of open connections, in total and for each source.
///
/// A client that arrives when all places are taken gets the place of the connection that has waited for its peer the
/// longest: at once if that connection belongs to a source with more connections than the newcomer's, else once it has
/// waited for a second. So neither idle nor slow connections keep good clients out. If there is no such connection, the
/// newcomer is turned away.
///
/// Many clients may share an address that is not a trusted proxy's. So a client whose source has used all its places
/// asks again a few times within a second. It then gets the place of a connection of that source that has been answered
/// and has waited for a quarter of a second since.
package final class ConnectionGate: Sendable {
    /// How many connections may be open.
    package struct Limits: Sendable {
        /// In total.
        package let connections: Int
        /// 0: no limit.
        package let connectionsPerSource: Int
        /// Addresses without a limit of their own: proxies, which have many clients behind them.
        package let exempt: IPNetworkSet

        package init(connections: Int, connectionsPerSource: Int = 0, exempt: IPNetworkSet = IPNetworkSet([])) {
            self.connections = connections
            self.connectionsPerSource = connectionsPerSource
            self.exempt = exempt
        }
    }

    private let limits: Limits
    private let metrics: ConnectionMetrics
    private let state = Mutex(GateState())

    package init(_ limits: Limits, metrics: ConnectionMetrics) {
        self.limits = limits
        self.metrics = metrics
    }

    /// Gives a connection a place, and takes places from others if it must.
    /// - Parameter attempt: how often this connection has asked before.
    package func admit(_ channel: any Channel, now: NIODeadline, attempt: Int = ConnectionGate.attempts) -> Admission {
        let peer = IPAddress(channel.remoteAddress)
        let isCounted = limits.connectionsPerSource > 0 && peer.map(limits.exempt.contains) == false
        let place = ConnectionPlace(
            channel, peer: peer, countsForSource: isCounted, gate: self, metrics: metrics)
        let (admission, evicted) = state.withLock { $0.admit(place, limits, now, attempt) }
        for place in evicted { place.order(.evict) }
        switch admission {
        case .place: metrics.accepted()
        case .later: break
        case .refused(let refusal): metrics.refused(refusal)
        }
        return admission
    }

    /// The pause before a connection asks again, and how often it may.
    package static let (pause, attempts) = (TimeAmount.milliseconds(250), 3)

    /// From now on, the next answer of every connection is its last, also of connections that are accepted later.
    /// - Parameter whenEmpty: called once, when the last connection has ended.
    package func drain(whenEmpty: @escaping @Sendable () -> Void) {
        let open = state.withLock { state in
            state.isDraining = true
            state.whenEmpty = state.open.isEmpty ? nil : whenEmpty
            return Array(state.open.values)
        }
        if open.isEmpty { whenEmpty() }
        for place in open { place.order(.drain) }
    }

    /// From ``drain(whenEmpty:)`` on.
    var isDraining: Bool { state.withLock(\.isDraining) }

    /// Closes all connections at once, whatever they are doing.
    package func end() {
        for place in state.withLock({ Array($0.open.values) }) { place.order(.end) }
    }

    /// Frees a place.
    func leave(_ place: ConnectionPlace) {
        let whenEmpty = state.withLock { state in
            state.remove(place)
            state.open[ObjectIdentifier(place)] = nil
            return state.open.isEmpty ? state.whenEmpty.take() : nil
        }
        whenEmpty?()
    }

    /// How many connections wait for their peers, and how many are being answered.
    package var counts: (waiting: Int, answering: Int) {
        let places = state.withLock { Array($0.open.values) }
        let waiting = places.count { $0.waitingSince != nil }
        return (waiting, places.count - waiting)
    }
}

/// What becomes of a connection that asks for a place.
package enum Admission {
    case place(ConnectionPlace)
    /// It may ask again after a pause.
    case later
    case refused(ConnectionRefusal)
}

/// Why a connection is turned away. A closed set, for metrics.
package enum ConnectionRefusal: String, CaseIterable {
    /// The listener has as many as it may.
    case listener
    case source
}

private struct GateState {
    private var all = Crowd()
    private var sources: [RequestSource: Crowd] = [:]
    /// How many connections of a source will ask again.
    private var askingAgain: [RequestSource: Int] = [:]
    /// Includes connections that were told to leave and have not left yet.
    var open: [ObjectIdentifier: ConnectionPlace] = [:]
    var isDraining = false
    var whenEmpty: (@Sendable () -> Void)?

    mutating func admit(
        _ place: ConnectionPlace, _ limits: ConnectionGate.Limits, _ now: NIODeadline, _ attempt: Int
    ) -> (Admission, evicted: [ConnectionPlace]) {
        var evicted: [ConnectionPlace] = []
        if let source = place.source {
            if attempt > 0, let count = askingAgain[source] { askingAgain[source] = count > 1 ? count - 1 : nil }
            if sources[source, default: Crowd()].count >= limits.connectionsPerSource {
                evicted = sources[source]?.longestWaiting(now) ?? []
                if evicted.isEmpty, attempt > 0 { evicted = sources[source]?.idleAgain(now) ?? [] }
                if evicted.isEmpty { return (answer(to: source, limits, attempt), []) }
                for place in evicted { remove(place) }
            }
        }
        if all.count >= limits.connections {
            let more = whoYields(to: place, now)
            if more.isEmpty { return (.refused(.listener), evicted) }
            for place in more { remove(place) }
            evicted += more
        }
        all.add(place)
        if let source = place.source { sources[source, default: Crowd()].add(place) }
        open[ObjectIdentifier(place)] = place
        return (.place(place), evicted)
    }

    /// For a source that has used all its places. At most as many connections may wait to ask again.
    private mutating func answer(to source: RequestSource, _ limits: ConnectionGate.Limits, _ attempt: Int) -> Admission
    {
        let count = askingAgain[source, default: 0]
        guard attempt < ConnectionGate.attempts, count < limits.connectionsPerSource, !isDraining else {
            return .refused(.source)
        }
        askingAgain[source] = count + 1
        return .later
    }

    private mutating func whoYields(to place: ConnectionPlace, _ now: NIODeadline) -> [ConnectionPlace] {
        let own = place.source.flatMap { sources[$0]?.count } ?? 0
        if let (source, crowd) = sources.max(by: { $0.value.count < $1.value.count }), crowd.count > own + 1,
            let yielding = sources[source]?.longestWaiting(now, patience: .zero), !yielding.isEmpty
        {
            return yielding
        }
        return all.longestWaiting(now)
    }

    mutating func remove(_ place: ConnectionPlace) {
        all.remove(place)
        guard let source = place.source else { return }
        sources[source]?.remove(place)
        if sources[source]?.count == 0 { sources[source] = nil }
    }
}

/// Connections that share a number of places.
private struct Crowd {
    private var members: [ObjectIdentifier: ConnectionPlace] = [:]
    /// Before this moment no connection has waited for a second, so in a flood not every newcomer has to look at all of
    /// them.
    private var nobodyBefore = NIODeadline.uptimeNanoseconds(0)

    var count: Int { members.count }

    mutating func add(_ place: ConnectionPlace) { members[ObjectIdentifier(place)] = place }

    mutating func remove(_ place: ConnectionPlace) { members[ObjectIdentifier(place)] = nil }

    /// The connections that have waited for their peers the longest, several if there are many; empty if none has
    /// waited for that long.
    /// - Parameter patience: how long a connection may wait before it has to give up its place.
    mutating func longestWaiting(
        _ now: NIODeadline, patience: TimeAmount = .seconds(1)
    ) -> [ConnectionPlace] {
        guard patience == .zero || now >= nobodyBefore else { return [] }
        let waiting = members.values.compactMap { place in place.waitingSince.map { (since: $0, place: place) } }
            .sorted { $0.since < $1.since }
        let long = waiting.prefix(max(1, members.count / 64)).prefix { $0.since + patience <= now }
        if long.isEmpty { nobodyBefore = (waiting.first?.since ?? now) + patience }
        return long.map(\.place)
    }

    /// The one that has waited the longest of those that have been answered and have waited for a pause since.
    func idleAgain(_ now: NIODeadline) -> [ConnectionPlace] {
        let idle = members.values.compactMap { place in
            place.hasAsked ? place.waitingSince.map { (since: $0, place: place) } : nil
        }
        guard let first = idle.min(by: { $0.since < $1.since }), first.since + ConnectionGate.pause <= now else {
            return []
        }
        return [first.place]
    }
}
