import FoundationEssentials
import JOSE
package import ServiceConfiguration
package import TokenExchange

/// A rotation and an emergency with real keys, a temporary directory and a simulated clock: the commands, the state
/// machine and the service's plan, seen by a verifier that keeps the JWK set for as long as it may.
///
/// One replica notices changes at once, the other as late as `refresh_lag` allows. Both sign at every step.
package struct KeyRehearsal: ~Copyable {
    private let directory: SigningKeyDirectory
    private let folder: String
    private let times: SigningKeyTimes
    private let algorithm: SignatureAlgorithm
    private let start: UnixTime
    private var now: UnixTime
    private var replicas: [Replica]
    private var verifier = CachingVerifier()
    private var names: [ExactText: String] = [:]
    private var lines: [String] = []
    private var moments: [SigningKeyMoment] = []
    private var signed = 0
    private var refused = 0

    /// - Parameter now: the time at which the simulated clock starts.
    package init(_ configuration: Configuration, now: UnixTime) {
        let times = SigningKeyTimes(configuration)
        algorithm = times.longestLifetimes.keys.min { $0.rawValue < $1.rawValue } ?? .es256
        let lifetime = times.longestLifetimes[algorithm] ?? .seconds(3 * 3600)
        self.times = SigningKeyTimes(
            keySetMaximumAge: times.keySetMaximumAge, refreshLag: times.refreshLag, clockSkew: times.clockSkew,
            rotatesEvery: times.rotatesEvery, longestLifetimes: [algorithm: lifetime])
        folder = FileManager.default.temporaryDirectory.path + "/countersign-rehearsal-\(UUID().uuidString)"
        directory = SigningKeyDirectory(path: folder)
        start = UnixTime(milliseconds: now.milliseconds)
        self.now = start
        replicas = [Replica(lag: .zero), Replica(lag: times.refreshLag)]
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// What `keys rehearse` prints, and its verdict.
    package struct Outcome {
        /// The timeline, a line for each event.
        package let text: String
        /// The same keys as a drawing (SVG), on the days on which all of it would happen.
        package let drawing: String
        /// How many tokens the verifier refused although nothing was forced or revoked; 0 if all is well.
        package let refusedInRotation: Int
    }

    /// Runs rotation and emergency.
    package consuming func run() throws -> Outcome {
        try rotate()
        lines.append("\(signed) tokens signed in the rotation, \(refused) refused.")
        let refusedInRotation = refused
        (signed, refused) = (0, 0)
        try revokeActive()
        lines.append(
            "\(signed) tokens signed after the revocation, \(refused) refused: by the verifier, which kept its JWK set "
                + "for \(Int(times.keySetMaximumAge.inSeconds)) s.")
        return Outcome(
            text: lines.joined(separator: "\n"), drawing: SigningKeyCommands.drawing(of: moments, today: start),
            refusedInRotation: refusedInRotation)
    }

    // MARK: The two parts

    private mutating func rotate() throws {
        record([.activated(try directory.generate(algorithm: algorithm, at: now, times: times))])
        try advance()
        try signAndVerify()
        let first = try manifest().keys.first?.keyID
        while try manifest().record(first ?? "") != nil { try tick() }
    }

    private mutating func revokeActive() throws {
        guard let compromised = try manifest().active(algorithm)?.keyID else { return }
        record(try directory.revoke(compromised, at: now, times: times))
        let end = now.advanced(by: times.keySetMaximumAge + times.refreshLag + step)
        while now < end { try tick(skipping: false) }
    }

    // MARK: Time

    /// Fine enough to see each interlock at work.
    private var step: Duration {
        max(.seconds(1), min(times.keySetMaximumAge, times.refreshLag, times.longestLifetimes[algorithm] ?? .zero) / 4)
    }

    /// If nothing happens for more steps than this, they are skipped.
    private static let patience = 1000

    /// - Parameter skipping: whether to skip months in which nothing happens.
    private mutating func tick(skipping: Bool = true) throws {
        let manifest = try manifest()
        now = now.advanced(by: step)
        let isQuiet = replicas.allSatisfy { $0.manifest == manifest }
        if skipping, isQuiet, let next = manifest.nextStep(at: now, times: times),
            manifest.keys.count(where: { !$0.isWithdrawnOrRevoked }) == 1
                || next.at > now.advanced(by: step * Self.patience)
        {
            now = max(now, next.at.advanced(by: .zero - step))
        }
        try advance()
        try signAndVerify()
    }

    /// Runs `keys advance`, as cron would.
    private mutating func advance() throws {
        record(try directory.advance(at: now, times: times))
        for index in replicas.indices {
            let hasSwapped = try replicas[index].look(at: directory, now: now, times: times)
            if hasSwapped {
                record("replica \(index + 1)", "signs with \(name(replicas[index].plan.signers[algorithm]))")
            }
        }
    }

    private mutating func signAndVerify() throws {
        for replica in replicas {
            if let keys = verifier.refresh(from: replica.ring, at: now, maximumAge: times.keySetMaximumAge) {
                record("verifier", "fetches the JWK set: \(keys.map { name($0) }.joined(separator: ", "))")
            }
            guard let signer = replica.ring.signer(for: algorithm) else { continue }
            let message = Array("\(signed)".utf8)
            let isGood = verifier.accepts(try signer.signature(over: message), over: message, keyID: signer.keyID)
            signed += 1
            if !isGood { refused += 1 }
        }
    }

    private func manifest() throws -> SigningKeyManifest { try directory.manifest(at: now, times: times) }

    // MARK: The timeline

    private mutating func record(_ changes: [SigningKeyChange]) {
        moments += changes.map { SigningKeyMoment(at: now, $0) }
        for change in changes {
            let name = name(change.keyID)
            switch change {
            case .published(let key): record("keys", "\(name) is published, may sign from \(offset(key.maySignFrom))")
            case .activated: record("keys", "\(name) is active")
            case .retiring(let key):
                record("keys", "\(name) is retiring, its tokens expire by \(offset(key.tokensDieBy ?? now))")
            case .removed: record("keys", "\(name) is gone")
            case .revoked: record("keys", "\(name) is revoked")
            case .passedOver: record("keys", "\(name) is passed over")
            case .notReplaced: record("keys", "nothing takes the place of \(name)")
            }
        }
    }

    private mutating func record(_ who: String, _ what: String) {
        lines.append("\(offset(now))  \(who)\(String(repeating: " ", count: max(0, 9 - who.count)))  \(what)")
    }

    /// `+90d 00:12:00`.
    private func offset(_ time: UnixTime) -> String {
        let day = time.milliseconds - start.milliseconds
        return "+\(day / 86_400_000)d \(UnixTime(milliseconds: day % 86_400_000).shortText.dropFirst(11).prefix(8))"
    }

    /// A letter for each key, in the order of their appearance.
    private mutating func name(_ keyID: ExactText?) -> String {
        guard let keyID else { return "no key" }
        if let known = names[keyID] { return known }
        let name = "key \(String(UnicodeScalar(UInt8(ascii: "A") + UInt8(names.count % 26))))"
        names[keyID] = name
        return name
    }
}

/// A service that notices a change of the directory late.
private struct Replica {
    /// How long after a change it notices.
    let lag: Duration
    private(set) var manifest: SigningKeyManifest?
    private(set) var plan = SigningKeyPlan()
    private(set) var ring = SigningKeyRing(signers: [], verifiers: [], publishedKeySet: [])
    private var keys: SigningKeys?
    private var noticedAt: UnixTime?
    private var observations = SigningKeyObservations()

    init(lag: Duration) {
        self.lag = lag
    }

    /// - Returns: whether another key signs now.
    mutating func look(at directory: SigningKeyDirectory, now: UnixTime, times: SigningKeyTimes) throws -> Bool {
        let current = try directory.manifest(at: now, times: times)
        if current != manifest {
            let due = keys == nil ? now : noticedAt ?? now.advanced(by: lag)
            noticedAt = due
            if due <= now {
                keys = try directory.load(at: now, times: times)
                manifest = keys?.manifest
                noticedAt = nil
            }
        }
        guard let keys else { return false }
        observations.observe(
            keys.manifest, keySetMaximumAge: times.keySetMaximumAge, elapsed: now - UnixTime(seconds: 0))
        let old = plan
        plan = keys.manifest.plan(at: now, observations: observations)
        observations.recordSigners(of: plan, at: now, times: times, until: .zero)
        ring = keys.ring(plan)
        return plan.signers != old.signers
    }
}

/// A verifier that fetches the JWK set only when the one it has is too old.
private struct CachingVerifier {
    private var keys: [ExactText: any TokenVerifier] = [:]
    private var keptUntil: UnixTime?

    /// - Returns: the `kid`s of a new set, if it differs from the one before; else nil.
    mutating func refresh(from ring: SigningKeyRing, at now: UnixTime, maximumAge: Duration) -> [ExactText]? {
        if let keptUntil, now < keptUntil { return nil }
        keptUntil = now.advanced(by: maximumAge)
        let set = try? JWKSetReader().read(ring.publishedKeySet, allowing: Set(SignatureAlgorithm.minting))
        let verifiers = set?.verifiers ?? []
        let old = Set(keys.keys)
        keys = Dictionary(verifiers.compactMap { key in key.keyID.map { ($0, key) } }) { first, _ in first }
        return old == Set(keys.keys) ? nil : verifiers.compactMap(\.keyID)
    }

    func accepts(_ signature: [UInt8], over message: [UInt8], keyID: ExactText) -> Bool {
        keys[keyID]?.isValid(signature: signature, over: message, count: message.count) ?? false
    }
}
