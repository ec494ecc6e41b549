import DequeModule
package import NIOCore

/// What a connection knows and decides, without I/O: its owner performs the actions that the transitions return.
///
/// Redis answers in the order of the commands, so every command written takes a slot, and a reply always belongs to the
/// oldest slot. A caller whose time runs out leaves its slot behind, empty: the late reply still finds it there and is
/// dropped, so that no reply ever reaches another command's caller. A reply without a slot, or of another shape than the
/// slot's command can have, ends the connection.
package struct RedisConnectionStateMachine<Caller> {
    private enum Phase: Equatable {
        /// The opening commands are sent; so many are answered, and as many more are outstanding.
        case opening(answered: Int, outstanding: Int, until: NIODeadline)
        case ready
        /// Finishes what is in flight, takes nothing new.
        case draining
        case closed(ConnectionFault)
    }

    private struct Slot {
        var caller: Caller?
        let shape: RedisCommand.ReplyShape
        let deadline: NIODeadline
        /// The server counts as hung where it has not answered by then.
        let hungAt: NIODeadline
    }

    private let commandTimeout: TimeAmount
    private let maximumInFlight: Int
    private var phase: Phase
    private var slots = Deque<Slot>()
    /// How many slots still have a caller.
    private(set) var callersWaiting = 0

    /// The connection is open and `openingCommands` commands are on their way.
    package init(openingCommands: Int, until: NIODeadline, commandTimeout: TimeAmount, maximumInFlight: Int) {
        self.commandTimeout = commandTimeout
        self.maximumInFlight = maximumInFlight
        self.phase = .opening(answered: 0, outstanding: openingCommands, until: until)
    }
}

// MARK: - Commands

extension RedisConnectionStateMachine {
    package enum Submission {
        /// Write the command now; its caller's time runs out at the deadline.
        case write(NIODeadline)
        case overloaded
        case notReady(ConnectionFault)
    }

    /// - Parameters:
    ///   - caller: nil where nobody wants the reply.
    ///   - shape: what the reply may be.
    ///   - end: when the caller's own budget is spent.
    package mutating func submit(
        _ caller: Caller?, reply shape: RedisCommand.ReplyShape, end: NIODeadline, now: NIODeadline
    ) -> Submission {
        switch phase {
        case .ready: break
        case .opening: return .notReady(ConnectionFault(detail: "connecting"))
        case .draining: return .notReady(.shutDown)
        case .closed(let fault): return .notReady(fault)
        }
        guard hasRoom(for: 1) else { return .overloaded }
        let deadline = min(now + commandTimeout, end)
        slots.append(Slot(caller: caller, shape: shape, deadline: deadline, hungAt: now + commandTimeout * 2))
        if caller != nil { callersWaiting += 1 }
        return .write(deadline)
    }
}

extension RedisConnectionStateMachine {
    /// Whether so many more commands may be in flight.
    package func hasRoom(for count: Int) -> Bool { slots.count + count <= maximumInFlight }
}

// MARK: - Replies

extension RedisConnectionStateMachine {
    package enum Reception {
        case none
        /// The opening command at `index` is answered; with the last the connection takes commands.
        case opening(index: Int, isLast: Bool)
        case deliver(Caller, RESPReply)
        /// The reply does not fit the command, wanted or not: close the connection.
        case misfit(Caller?, Closing)
        case close(Closing)
    }

    package mutating func received(_ reply: RESPReply) -> Reception {
        switch phase {
        case .opening(let answered, let outstanding, let until):
            let isLast = outstanding == 1
            phase = isLast ? .ready : .opening(answered: answered + 1, outstanding: outstanding - 1, until: until)
            return .opening(index: answered, isLast: isLast)
        case .ready, .draining:
            guard let slot = slots.popFirst() else { return .close(shut(.unsolicitedReply)) }
            if slot.caller != nil { callersWaiting -= 1 }
            guard slot.shape.fits(reply) else { return .misfit(slot.caller, shut(.unexpectedReply)) }
            guard let caller = slot.caller else { return .none }
            return .deliver(caller, reply)
        case .closed: return .none
        }
    }
}

// MARK: - Time

extension RedisConnectionStateMachine {
    package struct Expiry {
        /// Callers whose time has run out.
        package var expired: [Caller] = []
        package var closing: Closing?
        /// When to ask again; nil where nothing is waited for.
        package var next: NIODeadline?
    }

    package mutating func expire(now: NIODeadline) -> Expiry {
        switch phase {
        case .opening(_, _, let until):
            return until <= now ? Expiry(closing: shut(.handshakeTimedOut)) : Expiry(next: until)
        case .ready, .draining: return expireSlots(now: now)
        case .closed: return Expiry()
        }
    }

    private mutating func expireSlots(now: NIODeadline) -> Expiry {
        guard let oldest = slots.first else { return Expiry() }
        var expiry = Expiry(next: oldest.hungAt)
        for index in slots.indices {
            guard let caller = slots[index].caller else { continue }
            let deadline = slots[index].deadline
            if deadline <= now {
                slots[index].caller = nil
                callersWaiting -= 1
                expiry.expired.append(caller)
            } else if deadline < expiry.next! {
                expiry.next = deadline
            }
        }
        if oldest.hungAt <= now {
            expiry.closing = shut(.hung)
            expiry.next = nil
        }
        return expiry
    }
}

// MARK: - Closing

extension RedisConnectionStateMachine {
    /// Close the connection and tell these callers, oldest first.
    package struct Closing {
        package let fault: ConnectionFault
        package let callers: [Caller]
    }

    /// Every caller gets told here or nowhere: a closed connection has none left. Nil where it is closed already.
    package mutating func close(_ fault: ConnectionFault) -> Closing? {
        if case .closed = phase { nil } else { shut(fault) }
    }

    private mutating func shut(_ fault: ConnectionFault) -> Closing {
        phase = .closed(fault)
        let callers = slots.compactMap(\.caller)
        slots.removeAll()
        callersWaiting = 0
        return Closing(fault: fault, callers: callers)
    }

    /// Takes no more commands; once ``callersWaiting`` is zero the owner closes the connection.
    package mutating func drain() {
        if phase == .ready { phase = .draining }
    }

    /// Commands that the server has not answered, wanted or not.
    package var load: Int { slots.count }

    package var isDrained: Bool { phase == .draining && callersWaiting == 0 }
}
