import TestSupport
import Testing
import TokenExchange

/// Any commands at any times, replicas that notice late and have wrong clocks, verifiers that cache the JWK set for as
/// long as they may: no token is ever refused, and there is always a key that signs.
@Suite("Signing key interlocks")
struct SigningKeyPropertyTests {
    @Test(arguments: UInt64(0)..<60)
    func noSequenceOfStepsTimesAndReloadsBreaksAnInterlock(seed: UInt64) throws {
        var world = SigningKeyWorld(seed: seed)
        for _ in 0..<800 { try world.step() }
        #expect(world.broken == [], "seed \(seed)")
        #expect(world.activations > 0 && world.removals > 0 && world.checks > 1000, "seed \(seed) tests little")
        #expect(world.revocations > 0, "seed \(seed) tests little")
    }

    /// The same world with a forced step, which shows that the property above can fail.
    @Test func noticesAForcedStep() throws {
        let broken = try (UInt64(0)..<20).map { seed in
            var world = SigningKeyWorld(seed: seed, usesForce: true)
            for _ in 0..<400 { try world.step() }
            return world.broken.count
        }
        #expect(broken.contains { $0 > 0 })
    }
}

/// One manifest, some replicas and verifiers, and a history of who signed what.
private struct SigningKeyWorld {
    private struct Replica {
        /// How far its clock is wrong, either way.
        let offset: Duration
        var manifest: SigningKeyManifest
        var times: SigningKeyTimes
        var observations = SigningKeyObservations()
        var plan = SigningKeyPlan()
        /// A manifest on its way, and when it arrives.
        var arrivals: [(at: Duration, manifest: SigningKeyManifest)] = []
    }

    private struct Token {
        let keyID: ExactText
        let expiresAt: Duration
    }

    private struct Verifier {
        var keys: Set<ExactText> = []
        var keptUntil = Duration.zero
    }

    private var random: SeededGenerator
    private let usesForce: Bool
    private var times: SigningKeyTimes
    private var manifest: SigningKeyManifest
    private var replicas: [Replica] = []
    private var verifiers = [Verifier](repeating: Verifier(), count: 4)
    private var tokens: [Token] = []
    /// True time.
    private var elapsed = Duration.zero
    private var made = 0
    private(set) var broken: [String] = []
    private(set) var activations = 0
    private(set) var removals = 0
    private(set) var revocations = 0
    private(set) var checks = 0

    private static let lag = Duration.seconds(20)
    private static let skew = Duration.seconds(6)

    init(seed: UInt64, usesForce: Bool = false) {
        random = SeededGenerator(seed: seed)
        self.usesForce = usesForce
        times = Self.times(maximumAge: 60, lifetime: 200)
        manifest = SigningKeyManifest(
            keys: [], writtenAt: ManualClock.start, keySetMaximumAge: RetainedMaximum(times.keySetMaximumAge),
            lifetimes: [:])
        _ = try? manifest.publish("K0", .es256, at: ManualClock.start, times: times)
        // Half the skew each way, so that no two clocks differ by more.
        for offset in [-3, 0, 3] {
            var replica = Replica(offset: .seconds(offset), manifest: manifest, times: times)
            replica.observations.observe(manifest, keySetMaximumAge: times.keySetMaximumAge, elapsed: .zero)
            replicas.append(replica)
        }
    }

    private static func times(maximumAge: Int, lifetime: Int) -> SigningKeyTimes {
        SigningKeyTimes(
            keySetMaximumAge: .seconds(maximumAge), refreshLag: lag, clockSkew: skew, rotatesEvery: .seconds(300),
            longestLifetimes: [.es256: .seconds(lifetime)])
    }

    private func clock(_ offset: Duration) -> UnixTime { ManualClock.start + elapsed + offset }

    mutating func step() throws {
        elapsed += .milliseconds(Int.random(in: 0...15_000, using: &random))
        try command()
        for index in replicas.indices { runReplica(index) }
        for index in verifiers.indices { runVerifier(index) }
        check()
    }

    // MARK: Commands

    private mutating func command() throws {
        let before = manifest
        // The command's clock, now and then two hours behind, which must be refused or do no harm.
        let isBehind = Int.random(in: 0..<20, using: &random) == 0
        let now = clock(.seconds(Int.random(in: -3...3, using: &random)) + (isBehind ? .seconds(-7200) : .zero))
        let keyID = manifest.keys.randomElement(using: &random)?.keyID ?? ""
        let isForced = usesForce && Bool.random(using: &random)
        do throws(SigningKeyRefusal) {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: try publish(at: now)
            case 1, 2: count(try manifest.activate(keyID, at: now, times: times, isForced: isForced))
            case 3: count(try manifest.retire(keyID, at: now, times: times, isForced: isForced))
            case 4...6: try advance(at: now)
            case 7, 8: lowerOrRaiseTimes(at: now)
            case 9 where !isBehind: revokeWithoutHarm(keyID, at: now)
            default: break
            }
        } catch {
            // A refused command changes nothing that matters.
            #expect(manifest.keys == before.keys)
        }
        guard manifest != before else { return }
        #expect(manifest.keys.count { $0.state == .active } == 1)
        for index in replicas.indices {
            // It is checked one step later at most.
            let delay = Duration.milliseconds(Int.random(in: 0...4000, using: &random))
            replicas[index].arrivals.append((elapsed + delay, manifest))
        }
    }

    private mutating func publish(at now: UnixTime) throws(SigningKeyRefusal) {
        made += 1
        _ = try manifest.publish(ExactText("K\(made)"), .es256, at: now, times: times)
    }

    private mutating func advance(at now: UnixTime) throws(SigningKeyRefusal) {
        guard let due = manifest.nextStep(at: now, times: times), due.at <= now else { return }
        switch due.step {
        case .generate: try publish(at: now)
        case .activate(let keyID): count(try manifest.activate(keyID, at: now, times: times))
        case .retire(let keyID): count(try manifest.retire(keyID, at: now, times: times))
        }
    }

    /// Unless a key that verifiers may not know would have to take over.
    private mutating func revokeWithoutHarm(_ keyID: ExactText, at now: UnixTime) {
        var copy = manifest
        guard Int.random(in: 0..<4, using: &random) == 0,
            let changes = try? copy.revoke(keyID, at: now, times: times),
            !changes.contains(where: { if case .activated(let key) = $0 { key.isForced } else { false } })
        else { return }
        manifest = copy
        revocations += 1
    }

    /// Another configuration: a command sees it first, then the replicas are told to reload.
    private mutating func lowerOrRaiseTimes(at now: UnixTime) {
        // Far apart, so that the lag does not hide a value that was forgotten.
        let next = Self.times(
            maximumAge: [10, 100, 160].randomElement(using: &random) ?? 60,
            lifetime: [10, 100, 200].randomElement(using: &random) ?? 200)
        var noted = manifest
        guard (try? noted.retire("nobody", at: now, times: next)) == nil,
            noted.keySetMaximumAge.current == next.keySetMaximumAge,
            noted.lifetimes[.es256]?.current == next.longestLifetimes[.es256]
        else { return }
        manifest = noted
        times = next
        for index in replicas.indices { replicas[index].times = next }
    }

    private mutating func count(_ changes: [SigningKeyChange]) {
        for change in changes {
            if case .activated = change { activations += 1 }
            if case .removed(_, isWithdrawn: false) = change { removals += 1 }
        }
    }

    // MARK: The others

    private mutating func runReplica(_ index: Int) {
        var replica = replicas[index]
        defer { replicas[index] = replica }
        while let first = replica.arrivals.first, first.at <= elapsed {
            replica.manifest = first.manifest
            replica.arrivals.removeFirst()
        }
        if Int.random(in: 0..<50, using: &random) == 0 { replica.observations = SigningKeyObservations() }
        let now = clock(replica.offset)
        replica.observations.observe(
            replica.manifest, keySetMaximumAge: replica.times.keySetMaximumAge, elapsed: elapsed)
        replica.plan = replica.manifest.plan(at: now, observations: replica.observations)
        replica.observations.recordSigners(of: replica.plan, at: now, times: replica.times, until: .zero)
        guard let keyID = replica.plan.signers[.es256] else { return broken.append("nobody signs") }
        tokens.append(Token(keyID: keyID, expiresAt: elapsed + (replica.times.longestLifetimes[.es256] ?? .zero)))
    }

    private mutating func runVerifier(_ index: Int) {
        var verifier = verifiers[index]
        defer { verifiers[index] = verifier }
        guard verifier.keptUntil <= elapsed, Bool.random(using: &random) || verifier.keys.isEmpty else {
            // A verifier that does not fetch again must stop using what it has.
            if verifier.keptUntil <= elapsed { verifier.keys = [] }
            return
        }
        let replica = replicas[Int.random(in: replicas.indices, using: &random)]
        verifier.keys = Set(replica.plan.published)
        verifier.keptUntil = elapsed + replica.times.keySetMaximumAge
    }

    private mutating func check() {
        tokens.removeAll { $0.expiresAt <= elapsed }
        let alive = Set(tokens.map(\.keyID)).filter { manifest.record($0)?.state != .revoked }
        for verifier in verifiers where !verifier.keys.isEmpty {
            checks += alive.count
            for keyID in alive where !verifier.keys.contains(keyID) { broken.append("\(keyID) at \(elapsed)") }
        }
    }
}
