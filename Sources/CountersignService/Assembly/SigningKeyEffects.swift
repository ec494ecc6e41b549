import TokenExchange

/// What has taken effect between two moments of a key ring, for the audit stream: a key is published, signs, leaves the JWK
/// set, or is revoked.
struct SigningKeyEffects {
    typealias Moment = (manifest: SigningKeyManifest, plan: SigningKeyPlan)

    let old: Moment
    let new: Moment

    func entries(at now: UnixTime) -> [AuditEntry] {
        steps.map { step, keyID in
            var entry = AuditEntry(.keyStep, at: now)
            entry.step = step.rawValue
            entry.keyID = keyID
            entry.algorithm = (new.manifest.record(keyID) ?? old.manifest.record(keyID))?.algorithm.rawValue
            entry.origin = .replica
            return entry
        }
    }

    private var steps: [(AuditEntry.KeyStep, ExactText)] {
        let revoked = Self.revoked(new).subtracting(Self.revoked(old))
        let signs = new.plan.signers.filter { old.plan.signers[$0.key] != $0.value }.map(\.value)
        return revoked.sorted().map { (.revoked, $0) }
            + new.plan.published.filter { !old.plan.published.contains($0) }.map { (.published, $0) }
            + signs.sorted().map { (.signs, $0) }
            + old.plan.published.filter { !new.plan.published.contains($0) }.map { (.unpublished, $0) }
    }

    private static func revoked(_ moment: Moment) -> Set<ExactText> {
        Set(moment.manifest.keys.filter { $0.state == .revoked }.map(\.keyID))
    }
}
