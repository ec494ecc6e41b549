package import BlockingWork
import JOSE
package import Logging
import ServiceLifecycle
import Synchronization
package import TokenExchange

/// Keeps the key ring up to date with the key directory and the clock: reads a changed directory within seconds, all of
/// it or nothing, lets a key sign once it is due, and takes a key out of the JWK set once its tokens have expired.
///
/// On error, and if the manifest has lost a key whose tokens may still be good, the last good ring stays, except for
/// keys that the manifest has revoked: they go even then, and the best loaded key takes over. A key that was once seen
/// revoked never comes back, whatever is read later, because a reading may have begun before the revocation.
package final class SigningKeyWatch: Service {
    private struct State {
        var source: SigningKeySource
        var keys: SigningKeys
        /// Of the directory when `keys` were read; nil if they must be read again.
        var fingerprint: SigningKeyDirectory.Fingerprint?
        var observations = SigningKeyObservations()
        var plan = SigningKeyPlan()
        /// Why the directory cannot be used as it is now.
        var problem: KeyFileError?
        /// Counts changes of `keys`, so that a reading that began before a change does not count as newer.
        var generation = 0
        /// `kid`s that this process has seen revoked.
        var revoked: Set<ExactText> = []

        var ring: SigningKeyRing { keys.ring(plan) }

        /// Between two looks at the directory: well below the lag that rotations allow for.
        var pause: Duration { min(.seconds(2), source.times.refreshLag / 4) }

        /// Stops revoked keys from signing, whatever the directory says; the best other key takes over.
        mutating func dropRevoked(_ isRevoked: (ExactText) -> Bool, at now: UnixTime) {
            for key in keys.manifest.keys {
                guard key.state == .revoked || revoked.contains(key.keyID) || isRevoked(key.keyID) else { continue }
                revoked.insert(key.keyID)
                if key.state != .revoked { keys = keys.revoking(key.keyID, at: now, times: source.times) }
            }
        }

        /// Plans who signs now, and remembers what that plan has made public.
        mutating func observe(_ time: TimeSource) {
            let now = time.now()
            observations.observe(
                keys.manifest, keySetMaximumAge: source.times.keySetMaximumAge, elapsed: time.elapsed())
            plan = keys.manifest.plan(at: now, observations: observations)
            observations.recordSigners(of: plan, at: now, times: source.times, until: pause)
        }
    }

    private let state: Mutex<State>
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let isRevoked: @Sendable (ExactText) -> Bool
    private let tell: @Sendable (AuditEntry) -> Void
    private let publish: @Sendable (SigningKeyRing) -> Void
    private let readers: FileReaders
    /// Each element makes the watch look at the directory.
    private let calls = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// - Parameters:
    ///   - readers: the threads that read the directory.
    ///   - isRevoked: whether the session store says that a `kid` is compromised, which it may do before the directory
    ///     does.
    ///   - tell: called with each step that has taken effect here.
    ///   - publish: called with each ring that differs from the last one.
    package init(
        _ blueprint: Blueprint, time: TimeSource, logger: Logger, readers: FileReaders = FileReaders(),
        isRevoked: @escaping @Sendable (ExactText) -> Bool = { _ in false },
        tell: @escaping @Sendable (AuditEntry) -> Void = { _ in },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        publish: @escaping @Sendable (SigningKeyRing) -> Void
    ) {
        self.time = time
        self.logger = logger
        self.sleep = sleep
        self.readers = readers
        self.isRevoked = isRevoked
        self.tell = tell
        self.publish = publish
        var state = State(source: blueprint.signing, keys: blueprint.signingKeys)
        state.observe(time)
        self.state = Mutex(state)
    }

    /// Looks at the directory every two seconds or more often, until the services end.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while (try? await self.sleep(self.state.withLock(\.pause))) != nil {
                        self.calls.continuation.yield()
                    }
                }
                for await _ in self.calls.stream { await self.look() }
                group.cancelAll()
            }
        }
    }

    /// Uses another configuration with the keys that were read for it, without those that are revoked. Then looks at
    /// the directory, which may have changed since it was read.
    /// - Parameters:
    ///   - generation: ``generation`` when reading began. Keys that were read since then are newer and stay.
    ///   - publish: called with the ring before any later one is published.
    package func replace(with blueprint: Blueprint, readAt generation: Int, publish: (SigningKeyRing) -> Void) {
        state.withLock { state in
            let old = state
            // Remembers the revocations that the current keys know of.
            state.dropRevoked(isRevoked, at: time.now())
            let isSameDirectory = blueprint.signing.directory.path == state.source.directory.path
            if !isSameDirectory || state.generation == generation { state.keys = blueprint.signingKeys }
            state.source = blueprint.signing
            state.fingerprint = nil
            state.problem = nil
            state.generation += 1
            state.dropRevoked(isRevoked, at: time.now())
            state.observe(time)
            tellCompromised(state, since: old)
            publish(state.ring)
            tellSteps(state, from: old)
        }
        calls.continuation.yield()
    }

    /// Looks at the clock, and reads the directory if it has changed. A directory that hangs does not stop keys from
    /// changing by the clock, nor later readings once it answers again.
    package func look() async {
        let (source, known, generation) = state.withLock { state in
            let old = state
            update(&state, from: old)
            return (state.source, state.fingerprint, state.generation)
        }
        let now = time.now()
        let reading: SigningKeySource.Reading
        do { reading = try await readers.run { source.reading(unless: known, at: now) } } catch let hang as FileHangs {
            let problem = KeyFileError(
                path: hang.path ?? source.directory.path, problem: .hangs(limit: hang.limit))
            reading = .failed(problem, nil)
        } catch { return }
        state.withLock { state in
            guard state.generation == generation else { return }
            let old = state
            take(reading, into: &state, at: now)
            update(&state, from: old)
        }
    }

    /// Drops revoked keys at once, and then looks at the directory, which may have their successors.
    package func dropCompromisedKeys() {
        state.withLock { state in
            let old = state
            state.generation += 1
            update(&state, from: old)
        }
        calls.continuation.yield()
    }

    private func update(_ state: inout State, from old: State) {
        state.dropRevoked(isRevoked, at: time.now())
        state.observe(time)
        guard state.plan != old.plan || state.keys.manifest != old.keys.manifest else { return }
        publish(state.ring)
        tellCompromised(state, since: old)
        tellSteps(state, from: old)
        logger.notice("signing keys changed", metadata: state.plan.metadata)
    }

    /// Once for each key that was good when this process last looked.
    private func tellCompromised(_ state: State, since old: State) {
        for key in state.keys.manifest.keys where key.state == .revoked {
            let before = old.keys.manifest.record(key.keyID)?.state
            if let before, before != .revoked { logger.tellCompromised(key.keyID) }
        }
    }

    private func tellSteps(_ state: State, from old: State) {
        let steps = SigningKeyEffects(
            old: (old.keys.manifest, old.plan), new: (state.keys.manifest, state.plan)
        ).entries(at: time.now())
        for step in steps { tell(step) }
    }

    private func take(_ reading: SigningKeySource.Reading, into state: inout State, at now: UnixTime) {
        switch reading {
        case .unchanged: return
        case .read(let keys, let fingerprint):
            let missing = state.keys.manifest.keysMissing(
                from: keys.manifest, at: now, observations: state.observations, times: state.source.times)
            if !missing.isEmpty {
                let problem = KeyFileError(path: state.source.directory.path, problem: .missingFromManifest(missing))
                return take(.failed(problem, keys.manifest), into: &state, at: now)
            }
            state.generation += 1
            state.keys = keys
            state.fingerprint = fingerprint
            if state.problem != nil { logger.notice("signing keys can be read again") }
            state.problem = nil
        case .failed(let problem, let manifest):
            state.fingerprint = nil
            if let manifest { state.dropRevoked({ manifest.record($0)?.state == .revoked }, at: now) }
            guard state.problem != problem else { return }
            state.problem = problem
            logger.error(
                "signing keys not taken up, the last good ones stay", metadata: ["problem": .string("\(problem)")])
        }
    }

    // MARK: What others ask

    /// The current ring.
    package var ring: SigningKeyRing { state.withLock(\.ring) }

    /// Grows with each change of keys.
    package var generation: Int { state.withLock(\.generation) }

    /// Why the directory cannot be used as it is; nil if it can.
    package var problem: String? { state.withLock(\.problem).map { "\($0)" } }

    /// Whether some key signs with this algorithm now.
    package func signs(_ algorithm: SignatureAlgorithm) -> Bool {
        state.withLock { $0.plan.signers[algorithm] != nil }
    }

    /// The keys as they are now.
    package var status: SigningKeyStatus {
        state.withLock { state in
            let (manifest, now) = (state.keys.manifest, time.now())
            return SigningKeyStatus(
                manifest: manifest, plan: state.plan, times: state.source.times, now: now,
                untilNextStep: manifest.nextStep(at: now, times: state.source.times).map { $0.at - now },
                isFailing: state.problem != nil)
        }
    }
}

extension SigningKeySource {
    /// What came of looking at the directory.
    enum Reading: Sendable {
        case unchanged
        case read(SigningKeys, SigningKeyDirectory.Fingerprint)
        /// With the manifest, if at least that could be read.
        case failed(KeyFileError, SigningKeyManifest?)
    }

    fileprivate func reading(unless known: SigningKeyDirectory.Fingerprint?, at now: UnixTime) -> Reading {
        let snapshot: SigningKeyDirectory.Snapshot
        do throws(KeyFileError) {
            let fingerprint = try directory.fingerprint()
            if fingerprint == known { return .unchanged }
            snapshot = try directory.snapshot(from: fingerprint, at: now, times: times)
        } catch { return .failed(error, try? directory.manifest(at: now, times: times)) }
        do throws(KeyFileError) {
            let keys = try snapshot.keys.get()
            let plan = keys.manifest.plan(at: now)
            for algorithm in SignatureAlgorithm.minting
            where times.longestLifetimes[algorithm] != nil && plan.signers[algorithm] == nil {
                throw KeyFileError(path: directory.path, problem: .noActiveKey(algorithm))
            }
            return .read(keys, snapshot.fingerprint)
        } catch { return .failed(error, snapshot.manifest) }
    }
}

extension SigningKeyPlan {
    fileprivate var metadata: Logger.Metadata {
        [
            "signing": .string(signers.values.sorted().map(\.description).joined(separator: " ")),
            "published": .string(published.map(\.description).joined(separator: " ")),
            "waiting": .string(waiting.map(\.description).joined(separator: " ")),
        ]
    }
}
