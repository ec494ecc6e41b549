import NIOCore
import TokenExchange

/// Carries out what ``RedisConnectionStateMachine`` decides, on one channel and its event loop.
///
/// Commands of one tick of the event loop leave in one write. Time-outs cost one timer per connection, not one per
/// command: it is set for the earliest deadline and, when it fires, looks through all slots. Most commands share one
/// time-out, so deadlines come in order and the timer is hardly ever moved; it fires a few times a second, however many
/// commands pass. Firings stand ``timerSlack`` apart, so that a thousand scattered deadlines cost no thousand passes.
final class RedisChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How much later than its deadline a caller may be told.
    static let timerSlack = TimeAmount.milliseconds(2)
    /// Outbound memory worth keeping between ticks.
    private static let outboundCapacity = 1 << 16

    /// Dropped once it is done: it holds the password.
    private var handshake: RedisHandshake?
    private let address: RedisAddress
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
    init(
        _ handshake: RedisHandshake, peer: RedisPeer, openingEnd: NIODeadline, owner: any RedisChannelOwner
    ) {
        self.handshake = handshake
        self.address = peer.address
        self.openingEnd = openingEnd
        self.owner = owner
        self.machine = RedisConnectionStateMachine(
            openingCommands: handshake.commands.count, until: openingEnd,
            commandTimeout: TimeAmount(peer.commandTimeout), maximumInFlight: peer.maximumInFlight)
    }

    // MARK: Commands

    func submit(_ command: RedisCommand, for caller: PendingReply) {
        switch machine.submit(caller, end: caller.end, now: .now()) {
        case .write(let deadline):
            switch command.opening {
            case .words(let opening): write(opening, command.arguments)
            case .loadedScript: write(loadedScript, command.arguments)
            }
            wake(at: deadline)
        case .overloaded: caller.finish(.failure(.overloaded))
        case .notReady(let fault): caller.finish(.notConnected(fault))
        }
    }

    /// Sends a command whose reply nobody wants; it precedes the next one in the same write.
    func submit(unanswered command: RESPArguments, until end: NIODeadline) {
        if case .write = machine.submit(nil, end: end, now: .now()) { write(command, RESPArguments()) }
    }

    /// How many commands are in flight.
    var load: Int { machine.load }

    /// Finishes what is in flight, then closes.
    func drain() {
        machine.drain()
        closeIfDrained()
    }

    func close(_ fault: ConnectionFault) {
        if let closing = machine.close(fault) { perform(closing) }
    }

    private func write(_ opening: RESPArguments, _ arguments: RESPArguments) {
        outbound.writeCommand(opening, arguments)
        guard !flushIsScheduled, let context else { return }
        flushIsScheduled = true
        context.eventLoop.assumeIsolated().execute { self.flush() }
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
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        for command in handshake?.commands ?? [] { outbound.writeCommand(command, RESPArguments()) }
        flush()
        wake(at: openingEnd)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            try reader.feed(unwrapInboundIn(data).readableBytesView)
            while let reply = try reader.next() { receive(reply) }
        } catch {
            close(.protocolViolated)
        }
        closeIfDrained()
    }

    func channelInactive(context: ChannelHandlerContext) {
        close(.closedByServer)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(ConnectionFault(error, address: address))
    }

    private func receive(_ reply: RESPReply) {
        switch machine.received(reply) {
        case .none: break
        case .opening(let index, let isLast): opening(reply, at: index, isLast: isLast)
        case .deliver(let caller, let reply): deliver(reply, to: caller)
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
        guard caller.shape.fits(reply) else {
            caller.finish(.failure(.unexpectedReply))
            return close(.unexpectedReply)
        }
        caller.finish(.reply(reply))
        // A master that became a replica: connecting anew leads to its successor, or waits until it is master again.
        if reply == .error(code: "READONLY") { close(.notMaster) }
    }

    private func perform(_ closing: RedisConnectionStateMachine<PendingReply>.Closing) {
        timer?.scheduled.cancel()
        timer = nil
        for caller in closing.callers { caller.finish(.notConnected(closing.fault)) }
        owner?.channelFailed(self, closing.fault)
        context?.close(promise: nil)
    }

    private func closeIfDrained() {
        if machine.isDrained { close(.shutDown) }
    }

    // MARK: The timer

    private func wake(at deadline: NIODeadline) {
        guard let context else { return }
        if let timer {
            guard deadline + Self.timerSlack < timer.deadline else { return }
            timer.scheduled.cancel()
        }
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
        timer = (deadline, scheduled)
    }

    private func timerFired() {
        timer = nil
        let now = NIODeadline.now()
        let expiry = machine.expire(now: now)
        for caller in expiry.expired { caller.finish(.failure(.timedOut)) }
        if let closing = expiry.closing { perform(closing) }
        closeIfDrained()
        if let next = expiry.next { wake(at: max(next, now + Self.timerSlack)) }
    }
}

/// Hears what becomes of a channel, on the channel's event loop.
protocol RedisChannelOwner: AnyObject {
    /// The handshake is done; commands may be submitted.
    func channelOpened(_ handler: RedisChannelHandler)
    /// No command will be taken any more.
    func channelFailed(_ handler: RedisChannelHandler, _ fault: ConnectionFault)
}
