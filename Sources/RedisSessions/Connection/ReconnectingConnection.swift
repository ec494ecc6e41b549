import NIOCore
import NIOPosix
import NIOSSL
import Outbound

/// The way to the server from one event loop: a connection that is opened again whenever it is lost. Lives on that loop.
///
/// * Until the first attempt has ended, commands wait for it. Later they wait while the server is silent, or has just
///   gone (``OutageClock``); in an outage that is certain they fail at once.
/// * If the connection falls silent, another is opened beside it. Until that one is open, the silent one keeps its commands
///   and gets the new ones: a server that was stopped for a moment answers them all. Once the other is open, the silent one
///   has a little longer to answer; what it has not answered then is lost.
final class ReconnectingConnection {
    /// How many time-outs a silent connection is given beside one that is open.
    private static let lastTimeouts = 3
    /// Between two connections that are opened because of silence: if every reply is late, more would not help.
    private static let shortestLife = TimeAmount.seconds(1)

    private let eventLoop: any EventLoop
    private let peer: RedisPeer
    private let log: ConnectivityLog
    private let health: HealthFlag
    private let outage: OutageClock
    private let waiting: WaitingCommands
    private let traffic: RedisTraffic

    /// Takes the commands.
    private var current: RedisChannelHandler? { didSet { updateHealth() } }
    /// Was silent when another took its place; finishes what it has.
    private var retired: RedisChannelHandler?
    /// From reading the password to the end of the handshake.
    private var isConnecting = false
    /// Whose handshake is under way.
    private var opening: (any Channel)?
    private var openedAt = NIODeadline.uptimeNanoseconds(0)
    private var wasOpen = false
    /// Whose sockets are not closed yet.
    private var openChannels = 0
    private var backoff = ReconnectionBackoff()
    private var generator = SystemRandomNumberGenerator()
    private var retry: Scheduled<Void>?
    /// Told when the server turns out to be a replica now.
    private var foundReplica: () -> Void = {}
    /// Made by ``stop()``.
    private var ended: EventLoopPromise<Void>?

    /// Not connected before ``start(_:)``. `log` and `outage` are shared by all connections to the server.
    init(
        _ peer: RedisPeer, log: ConnectivityLog, health: HealthFlag, outage: OutageClock, on eventLoop: any EventLoop
    ) {
        self.health = health
        self.eventLoop = eventLoop
        self.peer = peer
        self.log = log
        self.outage = outage
        traffic = peer.isDataNode ? peer.configuration.traffic : RedisTraffic()
        waiting = WaitingCommands(limit: peer.configuration.maximumInFlight, traffic: traffic)
    }

    /// - Parameter isAsking: an `ASKING` goes before the command.
    func submit(_ command: RedisCommand, for caller: PendingReply, isAsking: Bool = false) {
        if isStopped {
            caller.finish(.notConnected(.shutDown))
        } else if let current {
            current.submit(command, for: caller, isAsking: isAsking)
        } else if let fault = waiting.fault, !isWorthWaiting(fault) {
            caller.finish(.notConnected(fault))
        } else {
            waiting.append(command, for: caller, isAsking: isAsking, on: eventLoop)
        }
    }

    /// How many commands are in flight; nil while another connection would serve better.
    var load: Int? { current.flatMap { $0.isSilent ? nil : $0.load } }

    /// - Parameter foundReplica: called when the server says on an open connection that it is no master any more.
    func start(_ foundReplica: @escaping () -> Void) {
        guard !isStopped, !isConnecting, current == nil else { return }
        self.foundReplica = foundReplica
        connect()
    }

    /// Another connection has found a replica.
    func leave() { current?.close(.notMaster) }

    /// Finishes what is in flight and connects no more; the future succeeds when the sockets are closed.
    /// - Parameter patience: what is not finished by then is lost; nil: waits for each caller's own end.
    func stop(within patience: TimeAmount?) -> EventLoopFuture<Void> {
        let ended = self.ended ?? eventLoop.makePromise()
        self.ended = ended
        retry?.cancel()
        waiting.fail(.shutDown)
        opening?.close(promise: nil)
        current?.drain(within: patience)
        endIfIdle()
        return ended.futureResult
    }

    private var isStopped: Bool { ended != nil }

    private func endIfIdle() {
        if openChannels == 0, !isConnecting { ended?.succeed() }
    }

    private func isWorthWaiting(_ fault: ConnectionFault) -> Bool {
        fault.isSilence || outage.isYoung(at: eventLoop.now)
    }

    private func updateHealth() {
        let isGood = current.map { !$0.isSilent } ?? false
        if isGood != health.isGood { traffic.connections.add(isGood ? 1 : -1) }
        health.isGood = isGood
    }
}

// MARK: - Connecting

extension ReconnectingConnection {
    private func connect() {
        isConnecting = true
        let (peer, limit) = (peer, peer.configuration.connectTimeout)
        let end = eventLoop.now + TimeAmount(limit)
        // Passwords and certificates may be in files, and reading files blocks.
        eventLoop.makeFutureWithTask { try await peer.credentials(within: limit) }
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
        let (address, hostInCertificate) = (peer.address, peer.configuration.tls?.serverName ?? peer.address.host)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(peer.configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    if let context = credentials.context {
                        try sync.addHandler(context.handler(verifying: hostInCertificate))
                    }
                    try sync.addHandler(bound.value)
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
        openChannels += 1
        opening = channel
        // The close future and not `channelInactive`: a channel closed this early never tells its handlers.
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            handler.close(.closedByServer)
            self.openChannels -= 1
            self.endIfIdle()
        }
        if isStopped { channel.close(promise: nil) }
    }

    private func attemptFailed(_ fault: ConnectionFault) {
        guard isConnecting else { return }
        isConnecting = false
        opening = nil
        failed(fault, wasOpen: false)
        endIfIdle()
    }

    private func failed(_ fault: ConnectionFault, wasOpen: Bool) {
        guard !isStopped else { return }
        outage.begin(at: eventLoop.now)
        traffic.connectionFailures.add(1)
        waiting.fault = fault
        if !isWorthWaiting(fault) { waiting.fail(fault) }
        log.failed(fault, wasOpen: wasOpen)
        connectAgain(in: backoff.next(isPatient: !outage.isYoung(at: eventLoop.now), using: &generator))
    }

    private func connectAgain(in wait: TimeAmount) {
        retry?.cancel()
        retry = eventLoop.assumeIsolated().scheduleTask(in: wait) {
            if self.needsConnection { self.connect() }
        }
    }

    /// A second connection beside one that is silent, but no third.
    private var needsConnection: Bool {
        !isStopped && !isConnecting && (current == nil || current?.isSilent == true && retired == nil)
    }
}

// MARK: - The channel's life

extension ReconnectingConnection: RedisChannelOwner {
    package func channelOpened(_ handler: RedisChannelHandler) {
        isConnecting = false
        opening = nil
        // The other one has spoken again meanwhile.
        guard !isStopped, current.map(\.isSilent) ?? true else { return handler.close(.shutDown) }
        retired = current
        current = handler
        retired?.drain(within: TimeAmount(peer.configuration.commandTimeout) * Self.lastTimeouts)
        openedAt = eventLoop.now
        if wasOpen { traffic.reconnects.add(1) }
        wasOpen = true
        backoff.reset()
        outage.end()
        log.opened()
        waiting.submit(to: handler)
    }

    package func channelFellSilent(_ handler: RedisChannelHandler) {
        guard handler === current else { return }
        updateHealth()
        log.fellSilent()
        if needsConnection { connectAgain(in: max(.zero, openedAt + Self.shortestLife - eventLoop.now)) }
    }

    package func channelSpokeAgain(_ handler: RedisChannelHandler) {
        guard handler === current else { return }
        updateHealth()
        outage.end()
        log.opened()
    }

    package func channelFailed(_ handler: RedisChannelHandler, _ fault: ConnectionFault) {
        if handler === current {
            current = nil
            failed(fault, wasOpen: !handler.isSilent)
            if fault == .notMaster { foundReplica() }
        } else if handler === retired {
            retired = nil
            if needsConnection { connectAgain(in: .zero) }
        } else {
            attemptFailed(fault)
        }
    }
}
