import NIOCore
import NIOPosix

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
    private let configuration: RedisConfiguration
    private let script: String
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
    /// Made by ``stop()``.
    private var ended: EventLoopPromise<Void>?

    init(
        _ configuration: RedisConfiguration, script: String, log: ConnectivityLog, isOpen: OpenFlag,
        on eventLoop: any EventLoop
    ) {
        self.isOpen = isOpen
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.script = script
        self.log = log
        self.state = .starting(StartQueue(limit: configuration.maximumInFlight))
    }

    func submit(_ command: RedisCommand, for caller: PendingReply) {
        switch state {
        case .connected(let handler): handler.submit(command, for: caller)
        case .starting(let queue): queue.append(command, for: caller, on: eventLoop)
        case .disconnected(let fault): caller.finish(.notConnected(fault))
        case .stopped: caller.finish(.notConnected(.shutDown))
        }
    }

    func start() {
        guard case .starting = state else { return }
        connect()
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
        let end = NIODeadline.now() + TimeAmount(configuration.connectTimeout)
        let readPassword = configuration.password
        // A password may stand in a file, and reading files blocks.
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try readPassword().map(RedisPassword.init) }
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let password): self.connect(password, until: end)
                case .failure: self.attemptFailed(.passwordUnreadable)
                }
            }
    }

    private func connect(_ password: RedisPassword?, until end: NIODeadline) {
        let handshake = RedisHandshake(configuration, password: password, script: script)
        let handler = RedisChannelHandler(handshake, configuration: configuration, openingEnd: end, owner: self)
        let bound = NIOLoopBound(handler, eventLoop: eventLoop)
        let configuration = configuration
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(host: configuration.host, port: configuration.port)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel): self.began(handler, on: channel)
                case .failure(let error):
                    self.attemptFailed(ConnectionFault(error, address: configuration.address))
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
    func channelOpened(_ handler: RedisChannelHandler) {
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

    func channelFailed(_ handler: RedisChannelHandler, _ fault: ConnectionFault) {
        fail(fault)
    }
}
