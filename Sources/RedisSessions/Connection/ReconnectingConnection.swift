import NIOCore
import NIOPosix
import NIOSSL

/// One connection to the server, opened again whenever it is lost. Lives on one event loop.
///
/// Until the first attempt has ended, commands wait for it; later they fail at once while there is no connection.
final class ReconnectingConnection {
    private enum State {
        case starting(StartQueue)
        case connected(RedisChannelHandler)
        case disconnected(ConnectionFault)
        case stopped
    }

    private let eventLoop: any EventLoop
    private let peer: RedisPeer
    private let log: ConnectivityLog
    private let isOpen: OpenFlag

    private var state: State {
        didSet { if case .connected = state { isOpen.value = true } else { isOpen.value = false } }
    }
    private var backoff = ReconnectionBackoff()
    private var generator = SystemRandomNumberGenerator()
    private var retry: Scheduled<Void>?
    /// The channel from connecting to closed; at most one at a time.
    private var attemptIsRunning = false
    private var handler: RedisChannelHandler?
    /// Told when the server turns out to be a replica now.
    private var foundReplica: () -> Void = {}
    /// Made by ``stop()``.
    private var ended: EventLoopPromise<Void>?

    init(
        _ peer: RedisPeer, log: ConnectivityLog, isOpen: OpenFlag, on eventLoop: any EventLoop
    ) {
        self.isOpen = isOpen
        self.eventLoop = eventLoop
        self.peer = peer
        self.log = log
        self.state = .starting(StartQueue(limit: peer.maximumInFlight))
    }

    /// - Parameter isAsking: an `ASKING` goes before the command.
    func submit(_ command: RedisCommand, for caller: PendingReply, isAsking: Bool = false) {
        switch state {
        case .connected(let handler):
            handler.submit(command, for: caller, isAsking: isAsking)
        case .starting(let queue): queue.append(command, for: caller, isAsking: isAsking, on: eventLoop)
        case .disconnected(let fault): caller.finish(.notConnected(fault))
        case .stopped: caller.finish(.notConnected(.shutDown))
        }
    }

    /// How many commands are in flight; nil while no command is taken.
    var load: Int? {
        if case .connected(let handler) = state { handler.load } else { nil }
    }

    /// - Parameter foundReplica: called when the server says on an open connection that it is no master any more.
    func start(_ foundReplica: @escaping () -> Void) {
        guard case .starting = state else { return }
        self.foundReplica = foundReplica
        connect()
    }

    /// Another connection has found a replica.
    func leave() {
        guard case .connected(let handler) = state else { return }
        fail(.notMaster)
        handler.close(.notMaster)
    }

    /// Finishes what is in flight and connects no more; the future succeeds when the socket is closed.
    func stop() -> EventLoopFuture<Void> {
        let earlier = state
        let ended = self.ended ?? eventLoop.makePromise()
        self.ended = ended
        state = .stopped
        retry?.cancel()
        switch earlier {
        case .connected(let handler): handler.drain()
        case .starting(let queue):
            queue.fail(.shutDown)
            handler?.close(.shutDown)
        case .disconnected: handler?.close(.shutDown)
        case .stopped: break
        }
        endIfIdle()
        return ended.futureResult
    }

    private func endIfIdle() {
        if case .stopped = state, !attemptIsRunning { ended?.succeed() }
    }
}

// MARK: - Connecting

extension ReconnectingConnection {
    private func connect() {
        attemptIsRunning = true
        let end = NIODeadline.now() + TimeAmount(peer.connectTimeout)
        let peer = peer
        // Passwords and certificates may stand in files, and reading files blocks.
        eventLoop.makeFutureWithTask { try await peer.credentials(within: peer.connectTimeout) }
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let credentials): self.connect(credentials, until: end)
                case .failure(let error): self.attemptFailed(error as? ConnectionFault ?? .shutDown)
                }
            }
    }

    private func connect(_ credentials: RedisPeer.ReadCredentials, until end: NIODeadline) {
        let handshake = RedisHandshake(peer, password: credentials.password)
        let handler = RedisChannelHandler(handshake, peer: peer, openingEnd: end, owner: self, on: eventLoop)
        let bound = NIOLoopBound(handler, eventLoop: eventLoop)
        let address = peer.address
        let tls = peer.tls
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(peer.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls, let context = credentials.context {
                        try channel.pipeline.syncOperations.addHandler(tls.handler(context, for: address))
                    }
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(host: address.host, port: address.port)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel): self.began(handler, on: channel)
                case .failure(let error): self.attemptFailed(ConnectionFault(error, address: address))
                }
            }
    }

    /// The channel is open, and its handshake under way.
    private func began(_ handler: RedisChannelHandler, on channel: any Channel) {
        self.handler = handler
        // The close future and not `channelInactive`: a channel closed this early never tells its handlers.
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.ended(handler) }
        if case .stopped = state { handler.close(.shutDown) }
    }

    /// The socket is closed.
    private func ended(_ handler: RedisChannelHandler) {
        handler.close(.closedByServer)
        self.handler = nil
        attemptIsRunning = false
        endIfIdle()
        scheduleRetry()
    }

    private func attemptFailed(_ fault: ConnectionFault) {
        attemptIsRunning = false
        fail(fault)
        endIfIdle()
        scheduleRetry()
    }

    private func fail(_ fault: ConnectionFault) {
        switch state {
        case .starting(let queue):
            state = .disconnected(fault)
            log.failed(fault, wasOpen: false)
            queue.fail(fault)
        case .connected:
            state = .disconnected(fault)
            log.failed(fault, wasOpen: true)
        case .disconnected:
            state = .disconnected(fault)
            log.failed(fault, wasOpen: false)
        case .stopped: break
        }
    }

    private func scheduleRetry() {
        guard case .disconnected = state else { return }
        let wait = backoff.next(using: &generator)
        retry = eventLoop.assumeIsolated().scheduleTask(in: wait) { self.connect() }
    }
}

// MARK: - The channel's life

extension ReconnectingConnection: RedisChannelOwner {
    package func channelOpened(_ handler: RedisChannelHandler) {
        let earlier = state
        guard case .stopped = earlier else {
            state = .connected(handler)
            backoff.reset()
            log.opened()
            if case .starting(let queue) = earlier { queue.submit(to: handler) }
            return
        }
        handler.close(.shutDown)
    }

    package func channelFailed(_ handler: RedisChannelHandler, _ fault: ConnectionFault) {
        let wasOpen = load != nil
        fail(fault)
        if wasOpen, fault == .notMaster { foundReplica() }
    }
}
