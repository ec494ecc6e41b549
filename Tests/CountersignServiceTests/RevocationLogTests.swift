import CountersignHTTP
import CountersignService
import Foundation
import TestSupport
import Testing
import TokenExchange

/// Who has ended many sessions at once, whichever way it was done.
@Suite struct RevocationLogTests {
    private let log = RecordedLog()

    private func observe(_ cohort: Cohort, issuedBefore: UnixTime? = ManualClock.start) {
        let reply = Reply.json([])
        reply.notes.verifier = "admin"
        reply.notes.ended = .cohort(RevokedCohort(cohort: cohort, issuedBefore: issuedBefore))
        RevocationLog(log.logger).observe(
            RequestReport(reply, nil, requestID: "r-1", source: nil, route: "revocations", start: .zero, end: .zero))
    }

    @Test(arguments: [
        (
            Cohort.Kind.tenant, "warning",
            "by=verifier admin cohort=tenant issued_before=2025-11-24T17:00:00.000Z request_id=r-1 tenant=VALUE"
        ),
        (
            .identityProvider, "warning",
            "by=verifier admin cohort=identity_provider identity_provider=VALUE issued_before=2025-11-24T17:00:00.000Z request_id=r-1"
        ),
        (.keyID, "warning", "by=verifier admin cohort=key_id issued_before=2025-11-24T17:00:00.000Z request_id=r-1"),
        (.all, "warning", "by=verifier admin cohort=all issued_before=2025-11-24T17:00:00.000Z request_id=r-1"),
        (.subject, "notice", "by=verifier admin cohort=subject issued_before=2025-11-24T17:00:00.000Z request_id=r-1"),
        (.device, "notice", "by=verifier admin cohort=device issued_before=2025-11-24T17:00:00.000Z request_id=r-1"),
    ])
    func saysWhoEndedWhichSessions(kind: Cohort.Kind, level: String, fields: String) throws {
        observe(try #require(Cohort(kind, kind == .all ? "" : "VALUE")))
        #expect(log.lines == ["\(level): sessions were revoked \(fields)"])
    }

    @Test func saysThatAKeyIsCompromised() throws {
        observe(try #require(Cohort(.keyID, "VALUE")), issuedBefore: nil)
        #expect(
            log.lines == [
                "warning: sessions were revoked by=verifier admin cohort=key_id compromised=true request_id=r-1"
            ])
    }

    @Test func saysNothingOfOtherRequests() {
        RevocationLog(log.logger).observe(
            RequestReport(.json([]), nil, requestID: "r", source: nil, route: "jwks", start: .zero, end: .zero))
        #expect(log.lines.isEmpty)
    }
}
