import HTTPTypes
import TokenExchange

/// `POST /revocations`: ends all sessions that have something in common. For verifiers with `may_revoke: all`.
///
/// A form with one of `subject`, `device`, `tenant`, `identity_provider`, `key_id`, `all=true`, and perhaps
/// `issued_before`, in whole seconds of Unix time.
struct CohortRevocationRoute {
    let revocations: RevocationList
    /// Whether the current configuration has the tenant or identity provider that a cohort names; true for other
    /// cohorts.
    let isConfigured: @Sendable (Cohort) -> Bool
    let bodyLimit: Int

    func reply(to request: IncomingRequest, from verifier: Verifier) async throws -> Reply {
        guard verifier.revocation == .all else { throw Problem(.revocationNotAllowed) }
        let form = try await request.collectForm(upTo: bodyLimit)
        // A mistyped `issued_before` must not end more than was meant.
        guard form.names.allSatisfy(FormBody.cohortFields.contains), let cohort = form.cohort,
            form.issuedBefore != .invalid
        else {
            throw Problem(.noSingleCohort)
        }
        // Nor must a mistyped name look as if its sessions had been ended.
        guard isConfigured(cohort) else {
            throw Problem(.nameNotConfigured).expecting(.configuredName)
        }
        let reply = Reply(status: .noContent, headers: [.cacheControl: "no-store"])
        reply.notes.ended = .cohort(try await revocations.revoke(cohort, issuedBefore: form.issuedBefore.time))
        return reply
    }
}

extension FormBody {
    fileprivate static let cohortFields = Set(
        (Cohort.Kind.allCases.map(\.rawValue) + ["issued_before"]).map { Array($0.utf8) })

    /// Nil if there is none, more than one, or one without a value.
    fileprivate var cohort: Cohort? {
        let fields: [(kind: Cohort.Kind, value: [UInt8]?)] = [
            (.subject, value("subject")), (.device, value("device")), (.tenant, value("tenant")),
            (.identityProvider, value("identity_provider")), (.keyID, value("key_id")), (.all, value("all")),
        ]
        let named = fields.compactMap { kind, value in value.map { (kind, ExactText(bytes: $0)) } }
        guard named.count == 1, let (kind, value) = named.first else { return nil }
        return kind == .all ? (value == "true" ? Cohort(.all) : nil) : Cohort(kind, value)
    }

    fileprivate var issuedBefore: IssuedBefore {
        guard let text = value("issued_before") else { return .absent }
        return UnixTime(decimal: text).map { .moment($0) } ?? .invalid
    }
}

/// The field `issued_before`.
private enum IssuedBefore: Equatable {
    case absent
    case moment(UnixTime)
    case invalid

    var time: UnixTime? {
        if case .moment(let time) = self { time } else { nil }
    }
}
