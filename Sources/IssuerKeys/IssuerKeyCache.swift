package import TokenExchange

/// A query, and how many fetches had begun when it was first asked: only a later one can settle it.
package struct IssuerKeyQuestion: Sendable {
    let query: IssuerKeyQuery
    let fetchesBegun: Int

    /// `fetchesBegun` is the cache's at the moment of asking.
    package init(query: IssuerKeyQuery, fetchesBegun: Int) {
        self.query = query
        self.fetchesBegun = fetchesBegun
    }
}

/// What the cache says to a question.
package enum IssuerKeyAnswer: Sendable {
    case verifiers([any TokenVerifier])
    case unavailable(cause: String)
    /// Ask again when as many fetches have ended.
    case wait(fetchesEnded: Int)
}

/// What the service's own task does next.
package enum IssuerKeyStep: Sendable, Equatable {
    case fetch
    /// Unless another fetch is ordered before.
    case sleep(Duration)
}

/// All decisions about one issuer's keys: what to answer, when to fetch. Knows no clock, no network and no tasks.
///
/// At most one fetch runs at any time. Times are readings of a monotonic clock.
package struct IssuerKeyCache: Sendable {
    private struct Fetch: Sendable {
        let beganAt: Duration
        /// Nil for a refresh.
        let asker: IssuerKeyQuery?
    }

    let times: RemoteKeyTimes
    /// The last good set, which may be too old to be used.
    private(set) var snapshot: IssuerKeySnapshot?
    /// Fetches begun, the running one included.
    package private(set) var fetchesBegun = 0
    /// Of those, how many have ended.
    package private(set) var fetchesEnded = 0
    private var running: Fetch?
    /// Nil: at once.
    private var nextFetchAt: Duration?
    private var endedAt: Duration?
    private var lastError: String?
    private var failures = 0
    private var failuresInARow = 0
    /// Sets without a usable key since the last good one.
    private var emptySets = 0
    /// Of the last good set, also when that is no longer used.
    private var lastKeys: Set<KeySetReading.Key> = []
    private var absent: AbsentKeys
    private var budget: RefetchBudget
    private var refusedRefetches = 0

    private static let emptySetsThatCount = 2

    /// Empty, so the first step is a fetch.
    package init(times: RemoteKeyTimes) {
        self.times = times
        absent = AbsentKeys(cooldown: times.cooldown, longest: times.refresh)
        budget = RefetchBudget(cooldown: times.cooldown)
    }

    /// For probes and metrics.
    package func status(at now: Duration) -> IssuerKeyStatus {
        let usable = usableSnapshot(at: now)
        return IssuerKeyStatus(
            age: usable.map { now - $0.asOf }, lastError: lastError, keys: usable?.keys.count ?? 0,
            skipped: usable?.skipped.count ?? 0, sinceLastAttempt: endedAt.map { now - $0 },
            untilNextFetch: max(.zero, (nextFetchAt ?? now) - now), fetches: fetchesBegun, failures: failures,
            refusedRefetches: refusedRefetches)
    }

    private func usableSnapshot(at now: Duration) -> IssuerKeySnapshot? {
        snapshot.flatMap { now < $0.usableUntil ? $0 : nil }
    }
}

// MARK: Answering

extension IssuerKeyCache {
    package static let tooOld = "the keys are older than maximum_age"

    /// Answers, or orders a fetch and says what to wait for.
    package mutating func answer(to question: IssuerKeyQuestion, at now: Duration) -> IssuerKeyAnswer {
        guard let snapshot = usableSnapshot(at: now) else {
            return fetchesEnded == 0 ? .wait(fetchesEnded: 1) : .unavailable(cause: lastError ?? Self.tooOld)
        }
        if let verifiers = snapshot.verifiers(for: question.query) { return .verifiers(verifiers) }
        return answer(unsettled: question, at: now)
    }

    /// To a question that the set has no key for: its name is unknown, or the keys of that name find its signature bad.
    private mutating func answer(unsettled question: IssuerKeyQuestion, at now: Duration) -> IssuerKeyAnswer {
        let name = AbsentKeys.Name(question.query)
        // A forgery under a name that exists says nothing about that name.
        let isAbsence = question.query.rejected.isEmpty
        // 1. A fetch that began after the question has settled it, and a recent one for the same name likewise.
        if fetchesEnded > question.fetchesBegun {
            if lastError == nil, isAbsence { absent.insert(name, at: now) }
            return statement
        }
        if isAbsence, absent.contains(name, at: now) { return statement }
        // 2. One that runs may bring the key.
        if running != nil { return .wait(fetchesEnded: fetchesBegun) }
        // 3. So may a new one.
        if budget.take(for: question.query.source, at: now) {
            begin(Fetch(beganAt: now, asker: question.query))
            return .wait(fetchesEnded: fetchesBegun)
        }
        // 4. Over budget: answered from the latest set without a fetch. A key that is real comes with the next refresh, or
        //    with somebody else's question.
        refusedRefetches += 1
        return statement
    }

    /// What the latest fetch says about a key that is not in the set; nothing if it failed.
    private var statement: IssuerKeyAnswer {
        lastError.map { .unavailable(cause: $0) } ?? .verifiers([])
    }
}

// MARK: Fetching

extension IssuerKeyCache {
    /// What the service does now; a refresh that is due counts as begun.
    package mutating func nextStep(at now: Duration) -> IssuerKeyStep {
        if running != nil { return .fetch }
        if let nextFetchAt, now < nextFetchAt { return .sleep(nextFetchAt - now) }
        begin(Fetch(beganAt: now, asker: nil))
        return .fetch
    }

    private mutating func begin(_ fetch: Fetch) {
        running = fetch
        fetchesBegun += 1
    }

    /// - Parameter jitter: from 0 to 1.
    package mutating func fetchEnded(
        _ result: Result<KeySetReading, KeySetFetchFailure>, at now: Duration, jitter: Double
    ) -> [IssuerKeyEvent] {
        let fetch = running ?? Fetch(beganAt: now, asker: nil)
        running = nil
        fetchesEnded = fetchesBegun
        endedAt = now
        switch result {
        case .success(let reading) where reading.verifiers.isEmpty:
            // What the issuer has withdrawn must not be used. But a set without keys is more often a slip than its word,
            // so it counts only when a second one says the same.
            emptySets += 1
            let isKept = emptySets < Self.emptySetsThatCount && usableSnapshot(at: now) != nil
            let skipped = reading.skipped.isEmpty ? "" : ": \(reading.skipped.listed)"
            let cause = "the set has no usable key (\(reading.skipped.count) skipped\(skipped))"
            return fail(cause, isKept: isKept, now, jitter)
        case .success(let reading):
            return accept(reading, of: fetch, now, jitter)
        case .failure(let failure):
            return fail(failure.cause, isKept: usableSnapshot(at: now) != nil, now, jitter)
        }
    }

    private mutating func accept(
        _ reading: KeySetReading, of fetch: Fetch, _ now: Duration, _ jitter: Double
    ) -> [IssuerKeyEvent] {
        let new = IssuerKeySnapshot(reading, asOf: fetch.beganAt, maximumAge: times.maximumAge)
        var events: [IssuerKeyEvent] = lastError == nil ? [] : [.recovered]
        events += new.replacedKeyIDs(since: lastKeys).map { .keyReplaced(keyID: $0) }
        if new.keys != lastKeys || snapshot.map({ $0.skipped != new.skipped }) ?? false {
            events.append(
                .changed(
                    added: new.keys.subtracting(lastKeys).count, removed: lastKeys.subtracting(new.keys).count,
                    skipped: new.skipped))
            absent.removeAll()
        }
        if let asker = fetch.asker {
            if new.set.verifiers(for: asker).isEmpty {
                budget.recordFruitless(asker.source, at: now)
            } else {
                budget.recordFruitful(asker.source)
            }
        }
        (snapshot, lastKeys, lastError, failuresInARow, emptySets) = (new, new.keys, nil, 0, 0)
        nextFetchAt = now + times.untilRefresh(jitter: jitter)
        return events
    }

    private mutating func fail(
        _ cause: String, isKept: Bool, _ now: Duration, _ jitter: Double
    ) -> [IssuerKeyEvent] {
        var events: [IssuerKeyEvent] = lastError == nil ? [.failing(cause: cause)] : []
        if snapshot != nil, !isKept {
            snapshot = nil
            events.append(.noKeysLeft(cause: cause))
        }
        lastError = cause
        failures += 1
        failuresInARow += 1
        nextFetchAt = now + times.untilRetry(afterFailures: failuresInARow, jitter: jitter)
        return events
    }
}
