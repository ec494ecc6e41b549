/// Has a token fetched for its owner, once: within the process by ``SingleFlight``, across replicas by a short claim in the
/// shared records, and not at all while an earlier one is still good.
///
/// A record is either a claim (`L` and a random fence: its writer is asking the service now) or a token (`T` and sealed
/// bytes). Whoever has the claim renews it while it works, and only replaces what still bears its own fence. Who finds a
/// claim waits for the token; when its writer dies, the claim ends within a second and the next one takes over. Where the
/// records cannot be used, everybody goes alone: that costs calls, not logins.
package final class ObtainUpstreamToken: Sendable {
    static let claimLife = Duration.seconds(1)
    static let renewal = Duration.milliseconds(300)
    static let pollInterval = Duration.milliseconds(25)
    /// A token is kept for a tenth less than it lives, at most so much less.
    static let longestMargin = Duration.seconds(60)
    /// Records must not hold up a login for longer than this.
    static let recordBudget = Duration.milliseconds(500)

    static let revokedAgain = UpstreamFailure.refused(cause: "it answered with a token again that was revoked here")

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
        /// Another one may not be answered with what this one has rejected.
        let rejected: [UInt8]?
    }

    /// - Parameter jitter: a number from 0 to 1, a new one each time.
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

    /// - Parameters:
    ///   - lifetime: how long a token is handed out at most.
    ///   - rejected: a kept token that turned out to be no good any more.
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
            // The one who flew had less time than we have. Our own call is not made again: it may have been received.
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
        let claim = [Self.leaseMark] + vault.fence()
        do throws(SessionStoreFailure) {
            switch try await leaseOrToken(claim, in: slot, for: work) {
            case .token(let token): return .success(token)
            case .claimed: break
            case .timedOut: return .failure(.timedOut(cause: "another replica's answer did not come in time"))
            }
        } catch {
            return await fetched(work)
        }
        return await fetchedUnderLease(claim, in: slot, for: work)
    }

    private enum Leasing {
        case claimed
        case token(HeldUpstreamToken)
        case timedOut
    }

    private func leaseOrToken(
        _ claim: [UInt8], in slot: UpstreamVault.Slot, for work: Work
    ) async throws(SessionStoreFailure) -> Leasing {
        while time.elapsed() < work.end {
            let present = try await records.insertIfAbsent(
                claim, under: slot.key, for: Self.claimLife, within: Self.recordBudget)
            // Our own, where a store had to be told twice.
            guard let present, present != claim else { return .claimed }
            if present.first == Self.leaseMark {
                try? await sleep(Self.pollInterval * (0.5 + jitter()))
                continue
            }
            if present.first == Self.tokenMark, let token = vault.open(Array(present.dropFirst()), in: slot),
                token.externalIdentity != work.rejected, token.expiresAt > time.now().wholeSeconds
            {
                return .token(token)
            }
            // Nobody's any more: ours, unless another comes first.
            if try await records.replace(
                present, under: slot.key, with: claim, for: Self.claimLife, within: Self.recordBudget)
            {
                return .claimed
            }
        }
        return .timedOut
    }

    private func fetchedUnderLease(_ claim: [UInt8], in slot: UpstreamVault.Slot, for work: Work) async -> Outcome {
        let outcome = await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await self.fetched(work) }
            group.addTask {
                await self.renew(claim, in: slot)
                return nil
            }
            defer { group.cancelAll() }
            return await group.first { $0 != nil } ?? nil
        }
        guard case .success(let token) = outcome else {
            _ = try? await records.replace(claim, under: slot.key, with: nil, for: .zero, within: Self.recordBudget)
            return outcome ?? .failure(.unavailable(cause: "cancelled"))
        }
        let life = UnixTime(seconds: Double(token.expiresAt)) - time.now()
        let kept = life - min(life / 10, Self.longestMargin)
        let record = [Self.tokenMark] + vault.seal(token, in: slot)
        _ = try? await records.replace(
            claim, under: slot.key, with: kept > .zero ? record : nil, for: kept, within: Self.recordBudget)
        return .success(token)
    }

    /// Until it is cancelled, or the claim is no longer ours.
    private func renew(_ claim: [UInt8], in slot: UpstreamVault.Slot) async {
        while !Task.isCancelled {
            do { try await sleep(Self.renewal) } catch { return }
            let isOurs = try? await records.replace(
                claim, under: slot.key, with: claim, for: Self.claimLife, within: Self.recordBudget)
            if isOurs == false { return }
        }
    }

    private func fetched(_ work: Work) async -> Outcome {
        let remaining = work.end - time.elapsed()
        guard remaining > .zero else { return .failure(.timedOut(cause: "no time was left to ask the service")) }
        do throws(UpstreamFailure) {
            let token = try await source.token(for: work.request, within: remaining)
            // Kept, it would be handed out once its revocation is forgotten.
            guard token.bytes != work.rejected?.bytes else { throw Self.revokedAgain }
            let life = min(token.lifetime ?? work.lifetime, work.lifetime)
            let expiresAt = (time.now() + life).wholeSeconds
            guard expiresAt > time.now().wholeSeconds else {
                throw .refused(cause: "the token that it answered with is over already")
            }
            return .success(
                HeldUpstreamToken(externalIdentity: ExternalIdentity(bytes: token.bytes), expiresAt: expiresAt))
        } catch {
            return .failure(error)
        }
    }
}
