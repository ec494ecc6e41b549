/// Gets a token for its owner with one call to the service: ``SingleFlight`` joins logins in one process, a short lease
/// in the shared records joins replicas. There is no call while an earlier token is still good.
///
/// A record is either a lease (`L` and a random fence: its holder is calling the service now) or a token (`T` and
/// sealed bytes). The holder of a lease renews it while it works, and only replaces a record that still has its own
/// fence. A replica that finds a lease waits for the token; if the holder dies, the lease ends within a second, and
/// another replica takes over. If the records cannot be used, every replica calls by itself: that costs calls, not
/// logins.
package final class ObtainUpstreamToken: Sendable {
    static let leaseLife = Duration.seconds(1)
    static let renewal = Duration.milliseconds(300)
    static let pollInterval = Duration.milliseconds(25)
    /// A token is kept for a tenth less than it lives, but at most this much less.
    static let longestMargin = Duration.seconds(60)
    static let recordBudget = Duration.milliseconds(500)

    static let revokedAgain = UpstreamFailure.refused(cause: "it answered again with a token that was revoked here")

    typealias Outcome = Result<HeldUpstreamToken, UpstreamFailure>

    private let source: any UpstreamTokenSource
    private let records: any SharedRecords
    private let vault: UpstreamVault
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let jitter: @Sendable () -> Double
    private let flights = SingleFlight<Flight, Outcome>()

    private struct Flight: Hashable {
        /// ``UpstreamTokenOwner/text``.
        let owner: [UInt8]
        /// Logins that reject different tokens must not share an answer.
        let rejected: [UInt8]?
    }

    /// - Parameter jitter: returns a new random number from 0 to 1 each time.
    package init(
        source: any UpstreamTokenSource, records: any SharedRecords, vault: UpstreamVault, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.source = source
        self.records = records
        self.vault = vault
        self.time = time
        self.sleep = sleep
        self.jitter = jitter
    }

    /// A kept token, or a new one.
    /// - Parameters:
    ///   - lifetime: the longest that a token may be handed out.
    ///   - rejected: a kept token that turned out to be revoked.
    func callAsFunction(
        _ request: UpstreamRequest, for owner: UpstreamTokenOwner, lifetime: Duration,
        rejecting rejected: ExternalIdentity?, within budget: Duration
    ) async throws(UpstreamFailure) -> HeldUpstreamToken {
        let end = time.elapsed() + budget
        while true {
            let remaining = end - time.elapsed()
            guard remaining > .zero else { throw .timedOut(cause: "the deadline passed before the service answered") }
            let work = Work(request: request, owner: owner, lifetime: lifetime, rejected: rejected, end: end)
            let outcome = await flights.value(
                for: Flight(owner: owner.text, rejected: rejected?.bytes), within: remaining, sleep: sleep
            ) { await self.outcome(of: work) }
            switch outcome.value {
            case .success(let token): return token
            // The caller that led had less time than we have. Our own call is not repeated: it may have been received.
            case .failure(.timedOut) where !outcome.isOwn: continue
            case .failure(let failure): throw failure
            case nil: throw .timedOut(cause: "no answer within \(budget.inSeconds) s")
            }
        }
    }
}

// MARK: - One flight

extension ObtainUpstreamToken {
    private struct Work: Sendable {
        let request: UpstreamRequest
        let owner: UpstreamTokenOwner
        let lifetime: Duration
        let rejected: ExternalIdentity?
        let end: Duration
    }

    private static let leaseMark = UInt8(ascii: "L")
    private static let tokenMark = UInt8(ascii: "T")

    private func outcome(of work: Work) async -> Outcome {
        let slot = vault.slot(for: work.owner)
        let lease = [Self.leaseMark] + vault.fence()
        do throws(SessionStoreFailure) {
            switch try await leaseOrToken(lease, in: slot, for: work) {
            case .token(let token): return .success(token)
            case .leased: break
            case .timedOut: return .failure(.timedOut(cause: "another replica's answer did not come in time"))
            }
        } catch {
            return await fetched(work)
        }
        return await fetchedUnderLease(lease, in: slot, for: work)
    }

    private enum Leasing {
        case leased
        case token(HeldUpstreamToken)
        case timedOut
    }

    private func leaseOrToken(
        _ lease: [UInt8], in slot: UpstreamVault.Slot, for work: Work
    ) async throws(SessionStoreFailure) -> Leasing {
        while time.elapsed() < work.end {
            let present = try await records.insertIfAbsent(
                lease, under: slot.key, for: Self.leaseLife, within: Self.recordBudget)
            // The present one is our own if the command was sent to the store twice.
            guard let present, present != lease else { return .leased }
            if present.first == Self.leaseMark {
                try? await sleep(Self.pollInterval * (0.5 + jitter()))
                continue
            }
            if present.first == Self.tokenMark, let token = vault.open(Array(present.dropFirst()), in: slot),
                token.externalIdentity != work.rejected, token.expiresAt > time.now().wholeSeconds
            {
                return .token(token)
            }
            // Neither a lease nor a usable token: take it over, unless another replica does so first.
            if try await records.replace(
                present, under: slot.key, with: lease, for: Self.leaseLife, within: Self.recordBudget)
            {
                return .leased
            }
        }
        return .timedOut
    }

    private func fetchedUnderLease(_ lease: [UInt8], in slot: UpstreamVault.Slot, for work: Work) async -> Outcome {
        let outcome = await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await self.fetched(work) }
            group.addTask {
                await self.renew(lease, in: slot)
                return nil
            }
            defer { group.cancelAll() }
            return await group.first { $0 != nil } ?? nil
        }
        guard case .success(let token) = outcome else {
            _ = try? await records.replace(lease, under: slot.key, with: nil, for: .zero, within: Self.recordBudget)
            return outcome ?? .failure(.unavailable(cause: "cancelled"))
        }
        let life = UnixTime(seconds: Double(token.expiresAt)) - time.now()
        let kept = life - min(life / 10, Self.longestMargin)
        let record = [Self.tokenMark] + vault.seal(token, in: slot)
        _ = try? await records.replace(
            lease, under: slot.key, with: kept > .zero ? record : nil, for: kept, within: Self.recordBudget)
        return .success(token)
    }

    /// Until it is cancelled, or the lease is no longer ours.
    private func renew(_ lease: [UInt8], in slot: UpstreamVault.Slot) async {
        while !Task.isCancelled {
            do { try await sleep(Self.renewal) } catch { return }
            let isOurs = try? await records.replace(
                lease, under: slot.key, with: lease, for: Self.leaseLife, within: Self.recordBudget)
            if isOurs == false { return }
        }
    }

    private func fetched(_ work: Work) async -> Outcome {
        let remaining = work.end - time.elapsed()
        guard remaining > .zero else { return .failure(.timedOut(cause: "no time was left to ask the service")) }
        do throws(UpstreamFailure) {
            let token = try await source.token(for: work.request, within: remaining)
            // If it were kept, it would be handed out again once its revocation has expired.
            guard token.bytes != work.rejected?.bytes else { throw Self.revokedAgain }
            let life = min(token.lifetime ?? work.lifetime, work.lifetime)
            let expiresAt = (time.now() + life).wholeSeconds
            guard expiresAt > time.now().wholeSeconds else {
                throw .refused(cause: "the token that it answered with has already expired")
            }
            return .success(
                HeldUpstreamToken(externalIdentity: ExternalIdentity(bytes: token.bytes), expiresAt: expiresAt))
        } catch {
            return .failure(error)
        }
    }
}
