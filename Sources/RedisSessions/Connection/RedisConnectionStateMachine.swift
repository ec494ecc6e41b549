import DequeModule
package import NIOCore

/// What a connection knows and decides, without I/O: its owner performs the actions that the transitions return.
///
/// Redis answers in the order of the commands, so every command takes a slot, and a reply always belongs to the oldest slot.
/// A caller whose time runs out leaves its slot behind, empty: the late reply finds that slot and is dropped, so no reply
/// ever reaches another command's caller. A reply without a slot, or of a shape that the slot's command cannot have, ends
/// the connection.
///
/// A connection that owes a reply and says nothing for a while is *silent*. That ends no command: each waits for its
/// reply as long as its own caller does. The owner opens another connection beside it.
package struct RedisConnectionStateMachine<Caller> {
    private enum Phase: Equatable {
        /// The opening commands are sent: some are answered, the others outstanding.
        case opening(answered: Int, outstanding: Int, until: NIODeadline)
        case ready
        /// Finishes what is in flight, takes nothing new.
        case draining
        case closed(ConnectionFault)
    }

    private struct Slot {
        var caller: Caller?
        let shape: RedisCommand.ReplyShape
        /// When the caller's time runs out.
        let end: NIODeadline
        let sentAt: NIODeadline
    }

    private let silenceLimit: TimeAmount
    private let maximumInFlight: Int
    private var phase: Phase
    private var slots = Deque<Slot>()
    private var heardAt = NIODeadline.uptimeNanoseconds(0)
    /// Whether a reply is owed for longer than the limit, and nothing has come since.
    package private(set) var isSilent = false
    /// How many slots still have a caller.
    private(set) var callersWaiting = 0

    /// The connection is open and `openingCommands` commands are on their way.
    /// - Parameter silenceLimit: a connection that owes a reply and says nothing for this long is silent.
    package init(openingCommands: Int, until: NIODeadline, silenceLimit: TimeAmount, maximumInFlight: Int) {
        self.silenceLimit = silenceLimit
        self.maximumInFlight = maximumInFlight
        self.phase = .opening(answered: 0, outstanding: openingCommands, until: until)
    }
}

// MARK: - Commands

extension RedisConnectionStateMachine {
    /// What becomes of a command that is submitted.
    package enum Submission {
        /// Write the command now, and call ``RedisConnectionStateMachine/expire(now:)`` at the given time.
        case write(NIODeadline)
        case overloaded
        case notReady(ConnectionFault)
    }

    /// - Parameters:
    ///   - caller: nil if nobody wants the reply.
    ///   - shape: what the reply may be.
    ///   - end: when the caller's time runs out.
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
        slots.append(Slot(caller: caller, shape: shape, end: end, sentAt: now))
        if caller != nil { callersWaiting += 1 }
        return .write(min(end, now + silenceLimit))
    }

    /// Whether `count` more commands may be in flight.
    package func hasRoom(for count: Int) -> Bool { slots.count + count <= maximumInFlight }
}

// MARK: - Replies

extension RedisConnectionStateMachine {
    /// What a reply, or what cannot be one, leads to.
    package enum Reception {
        case none
        /// The opening command at `index` is answered; with the last the connection takes commands.
        case opening(index: Int, isLast: Bool)
        case deliver(Caller, RESPReply)
        /// The reply does not fit the command, wanted or not: close the connection.
        case misfit(Caller?, Closing)
        case close(Closing)
    }

    /// Bytes have come.
    /// - Returns: whether the connection was silent until now.
    package mutating func heard(now: NIODeadline) -> Bool {
        defer { isSilent = false }
        heardAt = now
        return isSilent
    }

    /// A whole reply has come: whose is it?
    package mutating func received(_ reply: RESPReply) -> Reception {
        switch phase {
        case .opening(let answered, let outstanding, let until):
            let isLast = outstanding == 1
            phase = isLast ? .ready : .opening(answered: answered + 1, outstanding: outstanding - 1, until: until)
            return .opening(index: answered, isLast: isLast)
        case .ready, .draining:
            guard let slot = nextSlot() else { return .close(shut(.unsolicitedReply)) }
            guard slot.shape.fits(reply) else { return .misfit(slot.caller, shut(.unexpectedReply)) }
            guard let caller = slot.caller else { return .none }
            return .deliver(caller, reply)
        case .closed: return .none
        }
    }

    /// What has come cannot be read. It would have been the reply to the oldest command, which must not be sent again:
    /// that could end one connection after the other.
    package mutating func receivedRubbish() -> Reception {
        if case .closed = phase { return .none }
        let slot = nextSlot()
        return .misfit(slot?.caller, shut(.protocolViolated))
    }

    private mutating func nextSlot() -> Slot? {
        guard let slot = slots.popFirst() else { return nil }
        if slot.caller != nil { callersWaiting -= 1 }
        return slot
    }
}

// MARK: - Time

extension RedisConnectionStateMachine {
    /// What the passing of time has led to.
    package struct Expiry {
        /// Callers whose time has run out.
        package var expired: [Caller] = []
        /// The connection is silent from now on.
        package var fellSilent = false
        package var closing: Closing?
        /// When to ask again; nil if nothing is waited for.
        package var next: NIODeadline?
    }

    /// To be called at the moment that the last answer named, or later.
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
        var expiry = Expiry()
        if !isSilent {
            let silentAt = max(oldest.sentAt, heardAt) + silenceLimit
            isSilent = silentAt <= now
            expiry.fellSilent = isSilent
            expiry.next = isSilent ? nil : silentAt
        }
        for index in slots.indices {
            guard let caller = slots[index].caller else { continue }
            let end = slots[index].end
            if end <= now {
                slots[index].caller = nil
                callersWaiting -= 1
                expiry.expired.append(caller)
            } else {
                expiry.next = min(end, expiry.next ?? end)
            }
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

    /// Every caller gets told here or nowhere: a closed connection has none left. Nil if it is closed already.
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

    /// Whether the connection is to be closed: nobody waits any more, and nothing new is taken.
    package var isDrained: Bool { phase == .draining && callersWaiting == 0 }
}
