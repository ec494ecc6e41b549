/// Which revocations are kept. A value, without I/O; a store that keeps its own table elsewhere follows the same rules.
///
/// * A revocation is dropped once it has expired or another one covers it: if all sessions up to a moment are revoked,
///   it does not matter which of them were revoked before.
/// * Bounded, since every replica holds them all. Keys are counted separately. Emergencies always have room: all
///   sessions, and beyond the limit a ``reserve`` for compromised keys, tenants and identity providers.
package struct RevocationTable {
    /// For cohorts, and again for keys.
    package static let limit = 10_000
    /// For emergencies, beyond the limit.
    package static let reserve = 100

    private struct Entry {
        let revocation: Revocation
        /// By the monotonic clock.
        let endsAt: Duration
    }

    private var keys: [CohortLabel: Entry] = [:]
    private var cohorts: [CohortLabel: Entry] = [:]

    var revocations: [Revocation] { (Array(keys.values) + Array(cohorts.values)).map(\.revocation) }

    /// - Returns: nil if there is no room; otherwise whether anything has changed.
    mutating func add(_ new: Revocation, at now: Moment) -> Bool? {
        let covering = [table(of: new)[new.cohort], cohorts[CohortLabel(.all, digest: "")]]
        guard new.endsAt > now.wall, !covering.contains(where: { $0?.revocation.covers(new) ?? false }) else {
            return false
        }
        if new.cohort.kind == .all || !hasRoom(for: new) { tidy(beside: new, at: now) }
        guard hasRoom(for: new) else { return nil }
        let entry = Entry(revocation: new, endsAt: now.end(at: new.endsAt, longest: Revocation.longestLife))
        if new.cohort.kind == .keyID { keys[new.cohort] = entry } else { cohorts[new.cohort] = entry }
        return true
    }

    private func table(of revocation: Revocation) -> [CohortLabel: Entry] {
        revocation.cohort.kind == .keyID ? keys : cohorts
    }

    private func hasRoom(for new: Revocation) -> Bool {
        let table = table(of: new)
        return table[new.cohort] != nil || new.hasRoom(beside: table.count)
    }

    private mutating func tidy(beside new: Revocation, at now: Moment) {
        keys = keys.filter { $0.value.endsAt > now.elapsed && !new.covers($0.value.revocation) }
        cohorts = cohorts.filter { $0.value.endsAt > now.elapsed && !new.covers($0.value.revocation) }
    }
}

extension Revocation {
    /// Whether this one ends all sessions that `other` ends, for as long.
    func covers(_ other: Revocation) -> Bool {
        guard issuedBefore >= other.issuedBefore else { return false }
        return cohort == other.cohort || cohort.kind == .all && endsAt >= other.endsAt
    }

    fileprivate func hasRoom(beside count: Int) -> Bool {
        let isEmergency: Bool
        switch cohort.kind {
        case .all: return true
        case .keyID: isEmergency = isCompromisedKey
        case .tenant, .identityProvider: isEmergency = true
        case .subject, .device: isEmergency = false
        }
        return count < RevocationTable.limit + (isEmergency ? RevocationTable.reserve : 0)
    }
}
