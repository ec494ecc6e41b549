import IssuerKeys
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The service against a real issuer.
@Suite struct RemoteIssuerKeysTests {
    let old = TestKeys.make(.es256)
    let new = TestKeys.make(.es256)

    @Test func trustsARotatedKeyAfterOneFetch() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            running.issuer.set(.keys(new, old))
            #expect(try await running.trusts(new))
            #expect(try await running.trusts(old))
            #expect(running.issuer.requestCount == 2)
            #expect(
                running.log.lines == [
                    "notice: issuer keys changed added=1 removed=0 skipped=",
                    "notice: issuer keys changed added=1 removed=0 skipped=",
                ])
        }
    }

    @Test func answersAKnownKidWithoutWaitingWhileAFetchHangs() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            running.issuer.hold()
            running.time.advance(by: .seconds(300))
            try await eventually("a refresh") { running.issuer.requestCount == 2 }
            #expect(try await running.verifiers(old, budget: .zero).count == 1)
        }
    }

    @Test func startsWhileTheIssuerIsDownAndHealsWithoutARestart() async throws {
        let issuer = try await FakeIssuer.start(.keys(old))
        let port = issuer.port
        let running = RunningKeys(issuer)
        try await issuer.stop()
        try await running.whileRunning { () async throws in
            await #expect(throws: IssuerKeysFailure.unavailable(cause: "connection refused")) {
                try await running.verifiers(old)
            }
            let again = try await FakeIssuer.start(.keys(old), port: port)
            running.time.advance(by: .seconds(1))
            try await eventually("keys") { running.keys.status.isUsable }
            #expect(try await running.trusts(old))
            #expect(
                running.log.lines.prefix(2) == [
                    "warning: issuer keys cannot be fetched cause=connection refused",
                    "notice: issuer keys fetched again",
                ])
            try await again.stop()
        }
    }

    @Test func keepsKeysThroughAnOutageUntilTheHardAge() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)), maximumAge: .seconds(600))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            running.issuer.set(.status(503))
            running.time.advance(by: .seconds(300))
            try await running.eventuallyFails(with: "status 503")
            #expect(try await running.trusts(old))
            await #expect(throws: IssuerKeysFailure.unavailable(cause: "status 503")) {
                try await running.verifiers(new)
            }
            running.time.advance(by: .seconds(300))
            await #expect(throws: IssuerKeysFailure.unavailable(cause: "status 503")) {
                try await running.verifiers(old)
            }
        }
    }

    @Test func letsEarlyRequestsWaitWithinTheirBudget() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        running.issuer.hold()
        try await running.whileRunning { () async throws in
            async let patient = running.trusts(old)
            let hasty = Task { try await running.verifiers(old, budget: .milliseconds(100)) }
            // The fetch's time-out and both budgets.
            try await eventually("three wait") {
                running.issuer.requestCount == 1 && running.time.sleeperCount == 3
            }
            running.time.advance(by: .milliseconds(100))
            await #expect(throws: IssuerKeysFailure.budgetSpent) { try await hasty.value }
            running.issuer.release()
            #expect(try await patient)
        }
    }

    @Test func fetchesOnThoughEveryCallerIsCancelled() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            running.issuer.set(.keys(old, new))
            running.issuer.hold()
            let caller = Task { try await running.verifiers(new) }
            try await eventually("a fetch") { running.issuer.requestCount == 2 }
            caller.cancel()
            await #expect(throws: IssuerKeysFailure.budgetSpent) { try await caller.value }
            running.issuer.release()
            try await eventually("the new key") { running.keys.status.keys == 2 }
            #expect(try await running.trusts(new))
            #expect(running.issuer.requestCount == 2)
        }
    }

    @Test func healsARotationInTheMiddleOfAFlood() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            running.issuer.hold()
            async let answers = flood(running, count: 3_000)
            try await eventually("the flood's fetch") { running.issuer.requestCount == 2 }
            running.issuer.set(.keys(old, new))
            // Asks while the fetch still runs that the flood has caused, and that saw the old set.
            async let rotated = running.trusts(new, from: 7)
            try await eventually("everybody waits") { running.time.sleeperCount >= 3_002 }
            running.issuer.release()
            #expect(try await rotated)
            #expect(try await answers.allSatisfy(\.isEmpty))
            #expect(running.issuer.requestCount == 3)
            #expect(running.keys.status.fetches == 3)
        }
    }

    private func flood(_ running: RunningKeys, count: Int) async throws -> [[any TokenVerifier]] {
        try await withThrowingTaskGroup(of: [any TokenVerifier].self) { group in
            for number in 0..<count {
                group.addTask { try await running.verifiers(ExactText("random-\(number)"), from: 666) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func saysThatAnOldNameHasANewKey() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            let document = String(decoding: PublicJWK.set([new.publicKey]), as: UTF8.self)
            running.issuer.set(.document(Array(document.replacing(String(new.keyID), with: String(old.keyID)).utf8)))
            running.time.advance(by: .seconds(300))
            try await eventually("two fetches") { running.log.lines.count == 3 }
            #expect(running.log.lines[1] == "error: the issuer gave an old kid to a new key kid=\(old.keyID)")
            #expect(try await !running.trusts(old))
        }
    }

    @Test func trustsANewKeyUnderAnOldNameOnceTheOldOneFindsASignatureBad() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            let document = String(decoding: PublicJWK.set([new.publicKey]), as: UTF8.self)
            running.issuer.set(.document(Array(document.replacing(String(new.keyID), with: String(old.keyID)).utf8)))
            let query = IssuerKeyQuery(
                keyID: old.keyID, algorithm: .es256, rejected: [old.keyID], source: RequestSource(network: 1),
                budget: .seconds(3))
            let keys = try await running.keys.verifiers(for: query)
            #expect(keys.map(\.thumbprint) == [new.keyID])
            #expect(running.issuer.requestCount == 2)
        }
    }

    @Test func skipsOddKeysAndUsesTheRest() async throws {
        let odd = [
            #"{"kty":"RSA","use":"enc","alg":"RSA-OAEP","kid":"enc","n":"AQAB","e":"AQAB"}"#,
            #"{"kty":"lattice","kid":"odd"}"#,
        ]
        let set = String(decoding: PublicJWK.set([old.publicKey]), as: UTF8.self)
        let document = set.replacing("[", with: "[\(odd.joined(separator: ",")),", maxReplacements: 1)
        let running = RunningKeys(try await FakeIssuer.start(.document(Array(document.utf8))))
        try await running.whileRunning { () async throws in
            #expect(try await running.trusts(old))
            #expect(running.keys.status.skipped == 2)
            #expect(running.keys.status.keys == 1)
            #expect(running.log.lines.count == 1)
            let skipped = #"keys[0] (kid "enc"): use: use_not_signature, keys[1] (kid "odd"): kty: key_type_unknown"#
            #expect(running.log.lines[0].contains(skipped), "\(running.log.lines[0])")
        }
    }

    @Test func endsWhenItsTaskIsCancelledInTheMiddleOfAFetch() async throws {
        let running = RunningKeys(try await FakeIssuer.start(.keys(old)))
        running.issuer.hold()
        try await running.whileRunning { () async throws in
            try await eventually("a fetch") { running.issuer.requestCount == 1 }
        }
        #expect(running.keys.status.lastError == nil)
        #expect(running.log.lines == [])
    }
}
