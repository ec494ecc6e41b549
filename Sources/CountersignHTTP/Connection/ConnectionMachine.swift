package import NIOCore

/// One HTTP/1.1 connection (RFC 9112): bytes and events go in, ``next(_:)`` says what to do. It does no I/O, has no
/// clock, and reads one request at a time. What a client sends ahead waits in `input`, and beyond ``aheadBytes`` in the
/// kernel.
///
/// docs/connections.md has the states with their deadlines as a table.
package struct ConnectionMachine {
    /// What the connection is doing.
    package enum State: Equatable {
        case handshake
        /// Waits for the first byte of a request.
        case idle
        case head
        /// A request is being answered. Its body is read when the route asks for it.
        case answer
        /// The peer has not read all of an answer yet.
        case writing
        /// Our side is closed; bytes that still arrive are dropped until the peer closes its side.
        case lingering
        case closing(CloseReason)
        case closed
    }

    /// What its owner has to do next.
    package enum Action {
        case none
        /// Have this request answered, and call ``answered(_:)`` when that is done.
        case start(RequestHead)
        /// Answer with a problem document, and call ``answered(_:)``.
        case refuse(HTTPFault)
        case sendContinue
        /// Hand the body to the route that waits for it.
        case deliver(Body)
        /// With the reason for the connection's end, unless ``close(_:)`` gives another one.
        case closeOutput(CloseReason)
        case close(CloseReason)
    }

    /// The whole body of a request, or why there is none.
    package enum Body: Equatable {
        case content([UInt8])
        case tooLarge
        case refused(HTTPFault)
    }

    /// What an answer says about the connection.
    package enum Persistence {
        case keepAlive
        /// The same, which a client of HTTP/1.0 must be told.
        case keepAliveHTTP10
        case close
    }

    private enum AfterAnswer {
        case nextRequest
        case linger
        case close
    }

    /// How many bytes are kept of requests sent ahead, or of a body that no route has asked for yet.
    package static let aheadBytes = 16 * 1024

    private let limits: HeadLimits
    private let times: ConnectionTimes
    package private(set) var state: State
    package private(set) var deadline: NIODeadline
    private var since: NIODeadline
    private var input = ByteBuffer()
    private var reader: HeadReader
    private var request: RequestInProgress?
    private var afterAnswer = AfterAnswer.close
    /// The reason that is reported if the connection ends after this answer.
    private var lastReason = CloseReason.answered
    /// Nothing more will be read: the peer has closed its side, or its time has run out.
    private var isInputOver = false
    private var isOutputClosed = false
    private var isDraining = false

    /// - Parameter isSecure: whether a TLS handshake comes first.
    package init(limits: HeadLimits, times: ConnectionTimes, isSecure: Bool, now: NIODeadline) {
        self.limits = limits
        self.times = times
        state = isSecure ? .handshake : .idle
        deadline = now + (isSecure ? times.request : times.idle)
        since = now
        reader = HeadReader(limits)
    }

    /// Since when the connection has been waiting for its peer, and so may have to make room for another; nil while the
    /// peer waits for us.
    package var waitingSince: NIODeadline? {
        switch state {
        case .handshake, .idle, .head, .writing: since
        case .answer: request?.wanted == nil ? nil : since
        case .lingering: .uptimeNanoseconds(0)
        case .closing, .closed: nil
        }
    }

    /// Whether a request has been answered and bytes of the next one have arrived already.
    package var isNextAhead: Bool { state == .idle && input.readableBytes > 0 }

    /// Whether to read more bytes from the peer.
    package var wantsToRead: Bool {
        if isInputOver { return false }
        switch state {
        case .handshake, .idle, .head, .lingering: return true
        case .answer where request?.wanted != nil: return true
        case .answer, .writing: return input.readableBytes < Self.aheadBytes
        case .closing, .closed: return false
        }
    }

    private var idleTime: TimeAmount { isDraining ? ConnectionTimes.lastRequest : times.idle }

    private mutating func enter(_ state: State, _ now: NIODeadline, for time: TimeAmount) {
        self.state = state
        since = now
        deadline = now + time
    }
}

// MARK: - Events

extension ConnectionMachine {
    /// The TLS handshake has succeeded.
    package mutating func handshakeCompleted(_ now: NIODeadline) {
        if state == .handshake { enter(.idle, now, for: idleTime) }
    }

    /// Bytes have arrived. They are copied only if others still wait.
    package mutating func received(_ bytes: ByteBuffer) {
        switch state {
        case .lingering, .closing, .closed: return
        case .answer: request?.awaitsContinue = false
        case .handshake, .idle, .head, .writing: break
        }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.discardReadBytes()
            input.writeImmutableBuffer(bytes)
        }
    }

    /// The peer sends no more; it may still read.
    package mutating func inputClosed() { isInputOver = true }

    /// The channel is closed; nothing remains to be done.
    package mutating func disconnected() { state = .closed }

    /// Ends the connection in any state.
    package mutating func abandon(_ reason: CloseReason) {
        if state != .closed { state = .closing(reason) }
    }

    /// From now on every answer is the connection's last.
    package mutating func drain(_ now: NIODeadline) {
        isDraining = true
        if state == .idle { deadline = min(deadline, now + ConnectionTimes.lastRequest) }
    }

    /// Must be called when the deadline may have passed.
    package mutating func timePassed(_ now: NIODeadline) {
        guard now >= deadline else { return }
        switch state {
        case .handshake: state = .closing(.handshakeTimeout)
        case .idle: state = .closing(isDraining ? .draining : .idleTimeout)
        case .head: endInput(.headTimeout)
        case .answer where request?.wanted != nil: endInput(.bodyTimeout)
        case .answer: state = .closing(.answerTimeout)
        case .writing: state = .closing(.writeTimeout)
        case .lingering: state = .closing(.lingerTimeout)
        case .closing, .closed: break
        }
    }

    private mutating func endInput(_ reason: CloseReason) {
        isInputOver = true
        lastReason = reason
    }
}

// MARK: - The answer

extension ConnectionMachine {
    /// Reads the body of the request that is being answered.
    /// - Parameter limit: in bytes.
    /// - Returns: nil if it has not arrived yet; ``Action/deliver(_:)`` then brings it.
    package mutating func collect(upTo limit: Int, _ now: NIODeadline) -> Body? {
        request?.wanted = limit
        if let body = request?.readBody(&input, isLast: isInputOver) { return body }
        deadline = since + times.request
        return nil
    }

    /// The answer is ready.
    /// - Returns: what it has to say about the connection. The caller must then write it and call ``wrote(isDone:_:)``.
    package mutating func answered(_ now: NIODeadline) -> Persistence {
        guard var request = request.take() else { return .close }
        // A small body that has arrived already is dropped; the rest of a larger one is not waited for.
        let isWhole = request.dropBody(&input)
        enter(.writing, now, for: times.request)
        if isWhole, request.framing.keepsAlive, !isDraining {
            afterAnswer = .nextRequest
            return request.framing.isHTTP10 ? .keepAliveHTTP10 : .keepAlive
        }
        let sendsMore = !isWhole && request.fault != .requestLineMalformed || input.readableBytes > 0
        afterAnswer = sendsMore && !isInputOver ? .linger : .close
        return .close
    }

    /// Bytes of the answer have been written.
    /// - Parameter isDone: whether the kernel has taken all of them.
    package mutating func wrote(isDone: Bool, _ now: NIODeadline) {
        guard isDone, state == .writing else { return }
        switch afterAnswer {
        case .nextRequest: enter(.idle, now, for: idleTime)
        case .close: state = .closing(lastReason)
        case .linger: enter(.lingering, now, for: ConnectionTimes.linger)
        }
    }
}

// MARK: - Actions

extension ConnectionMachine {
    /// The next thing to do. Must be called after every event until it returns ``Action/none``.
    package mutating func next(_ now: NIODeadline) -> Action {
        switch state {
        case .handshake where isInputOver: return close(.peer)
        case .idle, .head: return nextOfHead(now)
        case .answer: return nextOfAnswer(now)
        case .lingering: return nextOfLingering()
        case .closing(let reason): return close(reason)
        case .handshake, .writing, .closed: return .none
        }
    }

    private mutating func nextOfHead(_ now: NIODeadline) -> Action {
        switch reader.read(&input) {
        case .head(let head, let framing):
            answerNext(RequestInProgress(framing, limits: limits), now)
            return .start(head)
        case .refused(let fault): return refuse(fault, now)
        case .more where input.readableBytes == 0:
            input = ByteBuffer()
            return isInputOver ? close(.peer) : .none
        case .more:
            if isInputOver { return refuse(.headIncomplete, now) }
            if state == .idle { enter(.head, now, for: times.request) }
            return .none
        }
    }

    private mutating func refuse(_ fault: HTTPFault, _ now: NIODeadline) -> Action {
        if !isInputOver { lastReason = .refused }
        input = ByteBuffer()
        answerNext(RequestInProgress(fault, limits: limits), now)
        return .refuse(fault)
    }

    /// The time of a request counts from its first byte.
    private mutating func answerNext(_ request: RequestInProgress, _ now: NIODeadline) {
        let began = state == .head ? since : now
        enter(.answer, now, for: ConnectionTimes.answer)
        since = began
        self.request = request
        if input.readableBytes == 0 { input = ByteBuffer() } else { self.request?.awaitsContinue = false }
    }

    private mutating func nextOfAnswer(_ now: NIODeadline) -> Action {
        guard request?.wanted != nil else { return .none }
        if let body = request?.readBody(&input, isLast: isInputOver) {
            deadline = now + ConnectionTimes.answer
            return .deliver(body)
        }
        guard request?.awaitsContinue == true else { return .none }
        request?.awaitsContinue = false
        return .sendContinue
    }

    private mutating func nextOfLingering() -> Action {
        input = ByteBuffer()
        if !isOutputClosed {
            isOutputClosed = true
            return .closeOutput(lastReason)
        }
        return isInputOver ? close(lastReason) : .none
    }

    private mutating func close(_ reason: CloseReason) -> Action {
        state = .closed
        return .close(reason)
    }
}
