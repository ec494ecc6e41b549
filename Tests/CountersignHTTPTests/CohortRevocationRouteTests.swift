import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// Who may revoke many sessions at once, and how they are named.
@Suite struct CohortRevocationRouteTests {
    private func status(_ form: String, by revocation: Verifier.Revocation) async throws -> Int {
        try await RoutesBench(revocation: revocation).answer(
            .post, "/revocations",
            [.contentType: "application/x-www-form-urlencoded", .authorization: RoutesBench.authorization],
            Array(form.utf8)
        ).0.status.code
    }

    @Test(arguments: [(Verifier.Revocation.none, 403), (.own, 403), (.all, 204)])
    func isForVerifiersThatMayRevokeEverything(revocation: Verifier.Revocation, status: Int) async throws {
        #expect(try await self.status("subject=jane", by: revocation) == status)
    }

    @Test(arguments: [
        ("all=true", 204), ("all=false", 400), ("all=", 400), ("subject=jane&device=till", 400),
        ("subject=jane&all=true", 400), ("", 400),
    ])
    func needsExactlyOneCohort(form: String, status: Int) async throws {
        #expect(try await self.status(form, by: .all) == status)
    }
}
