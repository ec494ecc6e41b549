package import Logging
import ServiceLifecycle
import Synchronization
package import TokenExchange

// IssuerKeys: the public keys of tenants whose issuer publishes them under a URL.
//
// One RemoteIssuerKeys per tenant is both the domain's IssuerKeySource and a Service. Its task alone fetches, one fetch
// at a time, so no caller's cancellation ends a fetch and no number of callers makes two. IssuerKeyCache decides
// everything, as a value that knows no clock and no network; the class executes.
//
//   * A known kid is answered from an immutable snapshot: one short lock, no await.
//   * An unknown kid may order a fetch, and so may a signature that the key of its kid finds bad, since an issuer may give
//     an old name to a new key. Both share a budget (RefetchBudget) that one noisy address cannot use up, and wait for the
//     fetch within the request's own time.
//   * A set without a usable key counts only when a second one says the same.
//   * A set is refreshed at its soft age, kept through failures until its hard age, and never used beyond. The issuer's
//     Cache-Control is ignored: Keycloak forbids caching, and we set the pace.
//   * "No such key" is said only after a fetch that succeeded. Everything else is `unavailable`.
//
// KeySetFetcher makes the requests, by Outbound: bounded in bytes and time, no redirects.

/// One tenant's keys, fetched in the background for as long as ``run()`` runs.
package final class RemoteIssuerKeys: IssuerKeySource, Service {
    private let cache: Mutex<IssuerKeyCache>
    private let fetchesBegun = MonotonicCounter()
    private let fetchesEnded = MonotonicCounter()
    private let fetch: @Sendable () async throws(KeySetFetchFailure) -> [UInt8]
    private let read: @Sendable ([UInt8]) throws -> KeySetReading
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let jitter: @Sendable () -> Double
    private let logger: Logger

    /// - Parameters:
    ///   - read: makes keys of a document; what it throws is told to the operator, so it must hold nothing of the document.
    ///   - jitter: a number from 0 to 1, a new one each time.
    ///   - logger: with the tenant's name in its metadata.
    package init(
        times: RemoteKeyTimes, fetch: @escaping @Sendable () async throws(KeySetFetchFailure) -> [UInt8],
        read: @escaping @Sendable ([UInt8]) throws -> KeySetReading, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }, logger: Logger
    ) {
        cache = Mutex(IssuerKeyCache(times: times))
        self.fetch = fetch
        self.read = read
        self.time = time
        self.sleep = sleep
        self.jitter = jitter
        self.logger = logger
    }

    /// For probes and metrics.
    package var status: IssuerKeyStatus {
        let now = time.elapsed()
        return cache.withLock { $0.status(at: now) }
    }

    /// Without waiting if the latest set has the key; otherwise waits for a fetch, within the query's budget.
    package func verifiers(for query: IssuerKeyQuery) async throws(IssuerKeysFailure) -> [any TokenVerifier] {
        if let verifiers = presentVerifiers(for: query) { return verifiers }
        return try await verifiersAfterFetch(for: query, until: time.elapsed() + query.budget)
    }

    /// Those of the latest set.
    package func presentVerifiers(for query: IssuerKeyQuery) -> [any TokenVerifier]? {
        let now = time.elapsed()
        guard let snapshot = cache.withLock({ $0.snapshot }), now < snapshot.usableUntil else { return nil }
        return snapshot.verifiers(for: query)
    }

    private func verifiersAfterFetch(
        for query: IssuerKeyQuery, until deadline: Duration
    ) async throws(IssuerKeysFailure) -> [any TokenVerifier] {
        let question = IssuerKeyQuestion(query: query, fetchesBegun: cache.withLock(\.fetchesBegun))
        while true {
            let now = time.elapsed()
            let (answer, begun) = cache.withLock { ($0.answer(to: question, at: now), $0.fetchesBegun) }
            fetchesBegun.rise(to: begun)
            switch answer {
            case .verifiers(let verifiers): return verifiers
            case .unavailable(let cause): throw .unavailable(cause: cause)
            case .wait(let number):
                guard now < deadline, await fetchesEnded.reaches(number, within: deadline - now, sleep: sleep) else {
                    throw .budgetSpent
                }
            }
        }
    }

    /// Fetches until it is cancelled or the services end.
    package func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled { await self.takeStep() }
        }
    }

    private func takeStep() async {
        let now = time.elapsed()
        let (step, begun) = cache.withLock { ($0.nextStep(at: now), $0.fetchesBegun) }
        switch step {
        case .sleep(let duration):
            _ = await fetchesBegun.reaches(begun + 1, within: duration, sleep: sleep)
        case .fetch:
            fetchesBegun.rise(to: begun)
            let result = await fetchedReading()
            // A fetch that the end of the service has cut off says nothing about the issuer.
            if Task.isCancelled { return }
            let (end, jitter) = (time.elapsed(), jitter())
            let events = cache.withLock { $0.fetchEnded(result, at: end, jitter: jitter) }
            for event in events { logger.log(event) }
            fetchesEnded.rise(to: begun)
        }
    }

    private func fetchedReading() async -> Result<KeySetReading, KeySetFetchFailure> {
        do {
            let document = try await fetch()
            do { return .success(try read(document)) } catch { return .failure(KeySetFetchFailure("\(error)")) }
        } catch { return .failure(error) }
    }
}
