package import TokenExchange

/// A query, and how many fetches had begun when it was first asked: only a later one can settle it.
package struct IssuerKeyQuestion: Sendable {
    let query: IssuerKeyQuery
    let fetchesBegun: Int

    package init(query: IssuerKeyQuery, fetchesBegun: Int) {
        self.query = query
        self.fetchesBegun = fetchesBegun
    }
}

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
    private(set) var snapshot: IssuerKeySnapshot?
    package private(set) var fetchesBegun = 0
    package private(set) var fetchesEnded = 0
    private var running: Fetch?
    /// Nil: at once.
    private var nextFetchAt: Duration?
    private var endedAt: Duration?
    private var lastError: String?
    private var failuresInARow = 0
    /// Of the last good set, also when that is no longer used.
    private var lastKeys: Set<KeySetReading.Key> = []
    private var absent: AbsentKeyIDs
    private var budget: RefetchBudget
    private var refusedRefetches = 0

    package init(times: RemoteKeyTimes) {
        self.times = times
        absent = AbsentKeyIDs(cooldown: times.cooldown, longest: times.refresh)
        budget = RefetchBudget(cooldown: times.cooldown)
    }

    package func status(at now: Duration) -> IssuerKeyStatus {
        let usable = usableSnapshot(at: now)
        return IssuerKeyStatus(
            age: usable.map { now - $0.asOf }, lastError: lastError, keys: usable?.keys.count ?? 0,
            skipped: usable?.skipped.count ?? 0, sinceLastAttempt: endedAt.map { now - $0 }, fetches: fetchesBegun,
            refusedRefetches: refusedRefetches)
    }

    private func usableSnapshot(at now: Duration) -> IssuerKeySnapshot? {
        snapshot.flatMap { now < $0.usableUntil ? $0 : nil }
    }
}

// MARK: Answering

extension IssuerKeyCache {
    package static let tooOld = "the keys are older than maximum_age"

    package mutating func answer(to question: IssuerKeyQuestion, at now: Duration) -> IssuerKeyAnswer {
        guard let snapshot = usableSnapshot(at: now) else {
            return fetchesEnded == 0 ? .wait(fetchesEnded: 1) : .unavailable(cause: lastError ?? Self.tooOld)
        }
        if let verifiers = snapshot.verifiers(for: question.query) { return .verifiers(verifiers) }
        return answer(unknown: question.query.keyID ?? "", question, at: now)
    }

    private mutating func answer(
        unknown keyID: ExactText, _ question: IssuerKeyQuestion, at now: Duration
    ) -> IssuerKeyAnswer {
        // 1. A fetch that began after the question has settled it, and a recent one for the same kid likewise.
        if fetchesEnded > question.fetchesBegun {
            if lastError == nil { absent.insert(keyID, at: now) }
            return statement
        }
        if absent.contains(keyID, at: now) { return statement }
        // 2. One that runs may bring the kid.
        if running != nil { return .wait(fetchesEnded: fetchesBegun) }
        // 3. So may one of our own.
        if budget.take(for: question.query.source, at: now) {
            begin(Fetch(beganAt: now, asker: question.query))
            return .wait(fetchesEnded: fetchesBegun)
        }
        // 4. Whoever is barred gets what the latest set says: nobody vouches for the tokens of a flood, and a kid that
        //    is real comes with the next refresh, or with anybody else's question.
        refusedRefetches += 1
        return statement
    }

    /// What the latest fetch says about a kid that is not in the set: nothing, where it failed.
    private var statement: IssuerKeyAnswer {
        lastError.map { .unavailable(cause: $0) } ?? .verifiers([])
    }
}

// MARK: Fetching

extension IssuerKeyCache {
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
            // The issuer's word: what it has withdrawn must not be used. But that it has no keys at all is its fault.
            return fail("the set has no usable key (\(reading.skipped.count) skipped)", isKept: false, now, jitter)
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
        if let asker = fetch.asker, let keyID = asker.keyID {
            if new.has(keyID) { budget.noteFruitful(asker.source) } else { budget.noteFruitless(asker.source, at: now) }
        }
        (snapshot, lastKeys, lastError, failuresInARow) = (new, new.keys, nil, 0)
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
        failuresInARow += 1
        nextFetchAt = now + times.untilRetry(afterFailures: failuresInARow, jitter: jitter)
        return events
    }
}
