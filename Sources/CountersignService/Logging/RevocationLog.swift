package import CountersignHTTP
package import Logging
package import TokenExchange

/// Says who has ended many sessions at once by a request, which sessions, and until when they were issued.
package struct RevocationLog: RequestObserver {
    private let logger: Logger

    package init(_ logger: Logger) { self.logger = logger }

    package func observe(_ report: RequestReport) {
        guard let revoked = report.revoked else { return }
        let who = report.verifier.map { "verifier \($0)" } ?? "a request"
        logger.tell(revoked, by: who, ["request_id": .string(report.requestID)])
    }
}

extension Logger {
    /// A warning, or a notice if it concerns one associate or device. Names tenants and identity providers; never a
    /// subject, a device, or an id that somebody typed.
    package func tell(_ revoked: RevokedCohort, by who: String, _ more: Metadata = [:]) {
        var metadata = more
        let kind = revoked.cohort.kind
        if kind == .tenant || kind == .identityProvider {
            metadata[kind.rawValue] = .string(String(revoked.cohort.value))
        }
        tellRevoked(kind, issuedBefore: revoked.issuedBefore, by: who, metadata)
    }

    /// The same of what another replica or a command has ended: a line for each kind of cohort, since the store does not
    /// name them.
    func tell(_ revocations: [Revocation]) {
        for (kind, isCompromised) in Cohort.Kind.allCases.map({ ($0, false) }) + [(.keyID, true)] {
            let some = revocations.filter { $0.cohort.kind == kind && $0.isCompromisedKey == isCompromised }
            guard let latest = some.map(\.issuedBefore).max() else { continue }
            tellRevoked(
                kind, issuedBefore: isCompromised ? nil : latest, by: "another replica or a command",
                ["count": .stringConvertible(some.count)])
        }
    }

    /// Of a signing key of this service that is found compromised.
    package func tellCompromised(_ keyID: ExactText, by who: String? = nil) {
        var metadata: Metadata = ["key_id": .string(String(keyID))]
        if let who { metadata["by"] = .string(who) }
        warning("a signing key was revoked as compromised", metadata: metadata)
    }

    private func tellRevoked(
        _ kind: Cohort.Kind, issuedBefore: UnixTime?, by who: String, _ more: Metadata
    ) {
        var metadata = more
        metadata["by"] = .string(who)
        metadata["cohort"] = .string(kind.rawValue)
        metadata["issued_before"] = issuedBefore.map { .string($0.text) }
        if issuedBefore == nil { metadata["compromised"] = .stringConvertible(true) }
        log(
            level: kind == .subject || kind == .device ? .notice : .warning, "sessions were revoked",
            metadata: metadata)
    }
}
