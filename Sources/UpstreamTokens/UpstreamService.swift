package import Logging
package import NIOSSL
package import Outbound
import Synchronization
package import TokenExchange

/// One identity provider's internal service: its connections, its circuit breaker, its access token.
package final class UpstreamService: Sendable {
    package let recipe: UpstreamRecipe
    let client: UpstreamClient
    private let breaker: Mutex<CircuitBreaker>
    private let turns: ConcurrencyLimit
    private let counts = Mutex(Counts())
    private let accessToken = Mutex<(bytes: [UInt8], usableUntil: Duration)?>(nil)
    private let accessFlights = SingleFlight<Int, Result<[UInt8], UpstreamFailure>>()
    let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let jitter: @Sendable () -> Double
    private let logger: Logger

    private struct Counts {
        var inFlight = 0
        var calls = 0
        var failures = 0
        /// Why the breaker is open.
        var openCause: String?
    }

    /// Calls nothing yet.
    ///
    /// - Parameters:
    ///   - tls: of ``OutboundClient/context(_:)``.
    ///   - logger: with the provider's name in its metadata.
    package init(
        _ recipe: UpstreamRecipe, _ outbound: OutboundTransport, tls: NIOSSLContext, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }, logger: Logger
    ) {
        self.recipe = recipe
        breaker = Mutex(CircuitBreaker(recipe.transport.circuitBreaker))
        turns = ConcurrencyLimit(recipe.transport.connections)
        client = UpstreamClient(recipe.transport, outbound, tls: tls, time: time, sleep: sleep)
        self.time = time
        self.sleep = sleep
        self.jitter = jitter
        self.logger = logger
    }

    /// Once nobody calls any more.
    package func shutDown() { client.shutDown() }

    /// For probes and metrics.
    package struct Status: Sendable, Equatable {
        package let isOpen: Bool
        /// Why it is; nil if it is not.
        package let openCause: String?
        package let inFlight: Int
        package let calls: Int
        package let failures: Int
    }

    /// As it is at this moment.
    package var status: Status {
        let counts = counts.withLock { $0 }
        return Status(
            isOpen: !breaker.withLock(\.isClosed), openCause: counts.openCause, inFlight: counts.inFlight,
            calls: counts.calls, failures: counts.failures)
    }

    /// - Throws: if there is no usable token within `budget`, over as many attempts as are allowed and safe.
    package func token(
        for request: UpstreamRequest, within budget: Duration
    ) async throws(UpstreamFailure) -> UpstreamToken {
        let outcome = try await outcome(of: request, within: budget)
        guard case .token(let token, let note) = outcome else { throw outcome.failure }
        logger.debug("token fetched", metadata: ["answer": .string(note)])
        return token
    }

    private func outcome(
        of request: UpstreamRequest, within budget: Duration
    ) async throws(UpstreamFailure) -> AttemptOutcome {
        guard enter() else { throw .unavailable(cause: "too many calls wait for the service already") }
        defer { counts.withLock { $0.inFlight -= 1 } }
        let deadline = time.elapsed() + budget
        let access = try await access(until: deadline)
        let message = try await message(request, accessToken: access, until: deadline)
        let outcome = await send(
            message, to: recipe.endpoint, maximumBytes: recipe.maximumBytes, until: deadline)
        guard case .unauthorized = outcome, let access else { return outcome }
        // It was refused before anything was done, so one more call with a fresh one is safe.
        forget(access)
        let freshMessage = try await self.message(
            request, accessToken: try await self.access(until: deadline), until: deadline)
        return await send(freshMessage, to: recipe.endpoint, maximumBytes: recipe.maximumBytes, until: deadline)
    }

    private func enter() -> Bool {
        counts.withLock { counts in
            guard counts.inFlight < recipe.transport.calls else { return false }
            counts.inFlight += 1
            return true
        }
    }

    private func message(
        _ request: UpstreamRequest, accessToken: [UInt8]?, until deadline: Duration
    ) async throws(UpstreamFailure) -> UpstreamMessage {
        try await UpstreamMessage(
            recipe.endpoint, headers: request.headers, body: request.body, accessToken: accessToken,
            trace: request.trace, within: deadline - time.elapsed())
    }
}

// MARK: - Calls

extension UpstreamService {
    /// The outcome of the last attempt, of as many as are allowed and safe.
    private func send(
        _ message: UpstreamMessage, to endpoint: UpstreamEndpoint, maximumBytes: Int, until deadline: Duration
    ) async -> AttemptOutcome {
        let plan = RetryPlan(attempts: recipe.transport.attempts, isIdempotent: recipe.transport.isIdempotent)
        var made = 0
        while true {
            // Time in the line is ours, not the service's: it is no failure of that one.
            guard await turns.take(within: deadline - time.elapsed(), sleep: sleep) else {
                return .timedOut(cause: "no connection to the service was free in time")
            }
            let outcome = await attempt(message, to: endpoint, maximumBytes: maximumBytes, until: deadline)
            turns.giveBack()
            made += 1
            let now = time.elapsed()
            guard let pause = plan.pause(after: outcome, made: made, remaining: deadline - now, jitter: jitter()) else {
                return outcome
            }
            do { try await sleep(pause) } catch { return outcome }
        }
    }

    private func attempt(
        _ message: UpstreamMessage, to endpoint: UpstreamEndpoint, maximumBytes: Int, until deadline: Duration
    ) async -> AttemptOutcome {
        let start = time.elapsed()
        guard start < deadline else { return .timedOut(cause: "the deadline passed before the service answered") }
        guard let permit = breaker.withLock({ $0.permit(at: start) }) else {
            return .broken(cause: "left alone: the service failed too often, or asked for a rest")
        }
        let outcome = await client.send(
            message, to: endpoint, maximumBytes: maximumBytes,
            within: min(recipe.transport.timeout, deadline - start))
        record(outcome, under: permit)
        return outcome
    }

    private func record(_ outcome: AttemptOutcome, under permit: CircuitBreaker.Permit) {
        let now = time.elapsed()
        let event = breaker.withLock { breaker in
            let event =
                switch outcome {
                case .stale: breaker.learnedNothing(permit, at: now, jitter: jitter())
                case _ where outcome.isAnswer: breaker.succeeded(permit)
                default: breaker.failed(permit, at: now, jitter: jitter())
                }
            return outcome.rest.flatMap { breaker.rest(for: $0, at: now) } ?? event
        }
        counts.withLock { counts in
            counts.calls += 1
            if !outcome.isAnswer { counts.failures += 1 }
            switch event {
            case .opened: counts.openCause = outcome.failure.cause
            case .closed: counts.openCause = nil
            case nil: break
            }
        }
        switch event {
        case .opened(let pause):
            logger.warning(
                "the internal service is not called for a while",
                metadata: ["cause": .string(outcome.failure.cause), "seconds": .stringConvertible(pause.inSeconds)])
        case .closed: logger.notice("the internal service answers again")
        case nil: break
        }
    }
}

// MARK: - The access token of a call that comes first

extension UpstreamService {
    /// An access token is kept for a tenth less than it lives, but at most this much less.
    private static let longestMargin = Duration.seconds(60)
    /// For answers without `expires_in`, which RFC 6749 §5.1 allows.
    private static let unknownLife = Duration.seconds(300)
    static let accessTokenLimit = 8192

    private func access(until deadline: Duration) async throws(UpstreamFailure) -> [UInt8]? {
        guard let access = recipe.access else { return nil }
        while true {
            let now = time.elapsed()
            if let kept = accessToken.withLock({ $0 }), now < kept.usableUntil { return kept.bytes }
            let result = await accessFlights.value(for: 0, within: deadline - now, sleep: sleep) {
                await self.fetchedAccess(access, until: deadline)
            }
            switch result.value {
            case .success(let bytes): return bytes
            // The one who asked had less time than we have.
            case .failure(.timedOut) where !result.isOwn: continue
            case .failure(let failure): throw failure
            case nil: throw .timedOut(cause: "no access token in time")
            }
        }
    }

    private func fetchedAccess(
        _ access: UpstreamAccess, until deadline: Duration
    ) async -> Result<[UInt8], UpstreamFailure> {
        do throws(UpstreamFailure) {
            let message = try await access.message(within: deadline - time.elapsed())
            let outcome = await send(
                message, to: access.endpoint, maximumBytes: Self.accessTokenLimit, until: deadline)
            guard case .token(let token, _) = outcome else { return .failure(outcome.failure) }
            let life = token.lifetime ?? Self.unknownLife
            accessToken.withLock {
                $0 = (token.bytes, time.elapsed() + life - min(life / 10, Self.longestMargin))
            }
            return .success(token.bytes)
        } catch { return .failure(error) }
    }

    private func forget(_ bytes: [UInt8]) {
        accessToken.withLock { if $0?.bytes == bytes { $0 = nil } }
    }
}

extension UpstreamAccess {
    func message(isMasked: Bool = false, within limit: Duration) async throws(UpstreamFailure) -> UpstreamMessage {
        try await UpstreamMessage(
            endpoint, headers: UpstreamRequest.accessFields(headers), body: UpstreamRequest.accessFields(body),
            accessToken: nil, trace: RequestTrace(), isMasked: isMasked, within: limit)
    }
}
