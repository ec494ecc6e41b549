import HTTPTypes
import TokenExchange

/// `POST /revocations`: ends all sessions that have something in common. For verifiers with `may_revoke: all`.
///
/// A form with one of `subject`, `device`, `tenant`, `identity_provider`, `key_id`, `all=true`, and perhaps
/// `issued_before`, in seconds of Unix time.
struct CohortRevocationRoute {
    let revocations: RevocationList
    let verifiers: @Sendable () -> VerifierDirectory
    let bodyLimit: Int

    func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        let credentials = VerifierCredentials(authorization: request.head.headerFields[.authorization])
        guard let verifier = credentials.flatMap(verifiers().verifier) else { throw Problem(.verifierRejected) }
        guard verifier.revocation == .all else { throw Problem(.revocationNotAllowed) }
        let form = try await request.collectForm(upTo: bodyLimit)
        guard let cohort = form.cohort, let moment = form.moment else {
            throw Problem(.invalidRequest, reason: "no_single_cohort").expecting(.cohort)
        }
        do { try await revocations.revoke(cohort, issuedBefore: moment) } catch { throw Problem(error) }
        var reply = Reply(status: .noContent, headers: [.cacheControl: "no-store"])
        reply.notes.verifier = verifier.id
        return reply
    }
}

extension FormBody {
    /// Nil where there is none, or more than one.
    fileprivate var cohort: Cohort? {
        let fields: [(Cohort.Kind, [UInt8]?)] = [
            (.subject, parameter("subject")), (.device, parameter("device")), (.tenant, parameter("tenant")),
            (.identityProvider, parameter("identity_provider")), (.keyID, parameter("key_id")),
        ]
        var cohorts = fields.compactMap { kind, value in
            value.flatMap { Cohort(kind, String(decoding: $0, as: UTF8.self)) }
        }
        if let all = parameter("all") {
            guard all.elementsEqual("true".utf8), let cohort = Cohort(.all) else { return nil }
            cohorts.append(cohort)
        }
        return cohorts.count == 1 ? cohorts[0] : nil
    }

    /// Nil where it is there and no time; nil in it where it is absent.
    fileprivate var moment: UnixTime?? {
        guard let text = parameter("issued_before") else { return .some(nil) }
        guard let seconds = Double(String(decoding: text, as: UTF8.self)), (0...253_402_300_799).contains(seconds)
        else {
            return nil
        }
        return UnixTime(seconds: seconds)
    }
}
