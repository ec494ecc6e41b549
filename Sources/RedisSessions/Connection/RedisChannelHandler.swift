package import NIOCore
import TokenExchange

/// Carries out what ``RedisConnectionStateMachine`` decides, on one channel and its event loop.
///
/// Commands of one tick of the event loop leave in one write. Time-outs cost one timer per connection, not one per
/// command: it is set for the earliest deadline and, when it fires, looks through all slots. Nearly always that is the
/// moment at which the connection would count as silent, so the timer is hardly ever moved, and fires a few times a second
/// however many commands pass. Firings are at least ``timerSlack`` apart, so that a thousand deadlines do not cost a
/// thousand passes.
package final class RedisChannelHandler: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// How much later than its deadline a caller may be told.
    package static let timerSlack = TimeAmount.milliseconds(2)
    private static let asking = RESPArguments("ASKING")
    /// Outbound memory worth keeping between ticks.
    private static let outboundCapacity = 1 << 16

    /// Dropped once it is done: it holds the password.
    private var handshake: RedisHandshake?
    private let address: RedisAddress
    private let eventLoop: any EventLoop
    private let openingEnd: NIODeadline
    private weak var owner: (any RedisChannelOwner)?

    private var machine: RedisConnectionStateMachine<PendingReply>
    private var reader = RESPReaderHandle()
    private var context: ChannelHandlerContext?
    private var loadedScript = RESPArguments("EVALSHA")
    private var outbound = ByteBuffer()
    private var flushIsScheduled = false
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?

    /// - Parameter openingEnd: the handshake's last moment.
    package init(
        _ handshake: RedisHandshake, peer: RedisPeer, openingEnd: NIODeadline, owner: any RedisChannelOwner,
        on eventLoop: any EventLoop
    ) {
        self.handshake = handshake
        self.address = peer.address
        self.eventLoop = eventLoop
        self.openingEnd = openingEnd
        self.owner = owner
        self.machine = RedisConnectionStateMachine(
            openingCommands: handshake.commands.count, until: openingEnd,
            silenceLimit: TimeAmount(peer.configuration.commandTimeout),
            maximumInFlight: peer.configuration.maximumInFlight)
    }

    // MARK: Commands

    /// - Parameter isAsking: an `ASKING` goes before the command, in the same write: both or neither.
    package func submit(_ command: RedisCommand, for caller: PendingReply, isAsking: Bool = false) {
        if isAsking {
            guard machine.hasRoom(for: 2) else { return caller.finish(.failure(.overloaded)) }
            // Nobody wants the reply.
            if case .write = machine.submit(nil, reply: .status, end: caller.end, now: eventLoop.now) {
                write(Self.asking, RESPArguments())
            }
        }
        switch machine.submit(caller, reply: command.reply, end: caller.end, now: eventLoop.now) {
        case .write(let deadline):
            switch command.opening {
            case .words(let opening): write(opening, command.arguments)
            case .loadedScript: write(loadedScript, command.arguments)
            }
            wake(at: deadline)
        case .overloaded: caller.finish(.failure(.overloaded))
        case .notReady(let fault): caller.finish(.lost(fault))
        }
    }

    /// How many commands are in flight.
    package var load: Int { machine.load }

    /// Whether a reply is owed for too long.
    package var isSilent: Bool { machine.isSilent }

    /// Finishes what is in flight, then closes.
    /// - Parameter patience: the time after which it closes anyway; nil to wait for each caller's own end.
    package func drain(within patience: TimeAmount? = nil) {
        machine.drain()
        closeIfDrained()
        guard let patience else { return }
        eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in self?.close(.hung) }
    }

    /// Tells all callers that their commands are lost with `fault`. A closed channel stays as it is.
    package func close(_ fault: ConnectionFault) {
        if let closing = machine.close(fault) { perform(closing) }
    }

    private func write(_ opening: RESPArguments, _ arguments: RESPArguments) {
        outbound.writeCommand(opening, arguments)
        guard !flushIsScheduled else { return }
        flushIsScheduled = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        flushIsScheduled = false
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(outbound), promise: nil)
        // Normally the socket has taken all of it by now, the memory is ours alone again, and clearing keeps it.
        if outbound.capacity > Self.outboundCapacity { outbound = ByteBuffer() } else { outbound.clear() }
    }

    // MARK: The channel

    /// Not first in ``channelActive(context:)``: the channel's owner hears of the connection before that, and may close it.
    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        for command in handshake?.commands ?? [] { outbound.writeCommand(command, RESPArguments()) }
        flush()
        wake(at: openingEnd)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let wasSilent = machine.heard(now: eventLoop.now)
        do {
            try reader.feed(unwrapInboundIn(data).readableBytesView)
            while let reply = try reader.next() { act(on: machine.received(reply), reply) }
        } catch {
            act(on: machine.receivedRubbish(), .null)
        }
        closeIfDrained()
        if wasSilent { owner?.channelSpokeAgain(self) }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        close(.closedByServer)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(ConnectionFault(error, address: address))
    }

    private func act(on reception: RedisConnectionStateMachine<PendingReply>.Reception, _ reply: RESPReply) {
        switch reception {
        case .none: break
        case .opening(let index, let isLast): opening(reply, at: index, isLast: isLast)
        case .deliver(let caller, let reply): deliver(reply, to: caller)
        case .misfit(let caller, let closing):
            caller?.finish(.failure(.unexpectedReply))
            perform(closing)
        case .close(let closing): perform(closing)
        }
    }

    private func opening(_ reply: RESPReply, at index: Int, isLast: Bool) {
        if let fault = handshake?.fault(of: reply, at: index) { return close(fault) }
        guard isLast else { return }
        handshake = nil
        if case .bulk(let digest) = reply { loadedScript.append(digest) }
        owner?.channelOpened(self)
    }

    private func deliver(_ reply: RESPReply, to caller: PendingReply) {
        caller.finish(.reply(reply))
        switch reply {
        // A master that became a replica: connecting again leads to its successor, or waits until it is master again.
        case .error(code: "READONLY"): close(.notMaster)
        // The password has changed: connecting again reads the new one.
        case .error(let code) where code == "NOAUTH": close(.refused(code: code))
        default: break
        }
    }

    private func perform(_ closing: RedisConnectionStateMachine<PendingReply>.Closing) {
        timer?.scheduled.cancel()
        timer = nil
        for caller in closing.callers { caller.finish(.lost(closing.fault)) }
        owner?.channelFailed(self, closing.fault)
        context?.close(promise: nil)
    }

    private func closeIfDrained() {
        if machine.isDrained { close(.shutDown) }
    }

    // MARK: The timer

    private func wake(at deadline: NIODeadline) {
        if let timer {
            guard deadline + Self.timerSlack < timer.deadline else { return }
            timer.scheduled.cancel()
        }
        let scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
        timer = (deadline, scheduled)
    }

    private func timerFired() {
        timer = nil
        let now = eventLoop.now
        let expiry = machine.expire(now: now)
        for caller in expiry.expired { caller.finish(.failure(.timedOut)) }
        if let closing = expiry.closing { perform(closing) }
        closeIfDrained()
        if let next = expiry.next { wake(at: max(next, now + Self.timerSlack)) }
        if expiry.fellSilent { owner?.channelFellSilent(self) }
    }
}

/// Hears what becomes of a channel, on the channel's event loop.
package protocol RedisChannelOwner: AnyObject {
    /// The handshake is done; commands may be submitted.
    func channelOpened(_ handler: RedisChannelHandler)
    /// It owes a reply for too long. It may still come.
    func channelFellSilent(_ handler: RedisChannelHandler)
    /// Something came on a channel that was silent.
    func channelSpokeAgain(_ handler: RedisChannelHandler)
    /// No command will be taken any more.
    func channelFailed(_ handler: RedisChannelHandler, _ fault: ConnectionFault)
}
