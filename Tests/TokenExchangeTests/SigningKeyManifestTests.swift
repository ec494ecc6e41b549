import TestSupport
import Testing
import TokenExchange

/// The life of a signing key, step by step, with the time passed in.
@Suite("Signing key life cycle")
struct SigningKeyManifestTests {
    private static let start = ManualClock.start
    private let times = SigningKeyTimes(
        keySetMaximumAge: .seconds(600), refreshLag: .seconds(120), clockSkew: .seconds(30),
        rotatesEvery: .seconds(90 * 86400), longestLifetimes: [.es256: .seconds(3600)])

    private func empty() -> SigningKeyManifest {
        SigningKeyManifest(
            keys: [], writtenAt: Self.start - .seconds(86400 * 20), keySetMaximumAge: RetainedMaximum(.seconds(600)),
            lifetimes: [:])
    }

    private func time(_ seconds: Int) -> UnixTime { Self.start + .seconds(seconds) }

    /// A, which has been active for long, and B, published at 0.
    private func twoKeys() throws -> SigningKeyManifest {
        var manifest = empty()
        _ = try manifest.publish("A", .es256, at: time(-86400 * 10), times: times)
        _ = try manifest.publish("B", .es256, at: time(0), times: times)
        return manifest
    }

    @Test func activatesTheFirstKeyOfAnAlgorithmAtOnceAndPublishesTheNext() throws {
        var manifest = empty()
        let first = try manifest.publish("A", .es256, at: time(0), times: times)
        #expect(first.count == 2 && manifest.record("A")?.state == .active)
        _ = try manifest.publish("B", .es256, at: time(5), times: times)
        #expect(manifest.record("B")?.state == .published)
        #expect(manifest.record("B")?.maySignFrom == time(5 + 600 + 120))
        #expect(manifest.plan(at: time(10_000)).signers == [.es256: "A"])
        #expect(manifest.plan(at: time(6)).published == ["A", "B"])
    }

    @Test func refusesAKeyThatVerifiersMayNotKnow() throws {
        var manifest = try twoKeys()
        #expect(throws: SigningKeyRefusal.publishedTooBriefly(keyID: "B", until: time(720))) {
            try manifest.activate("B", at: time(719), times: times)
        }
        _ = try manifest.activate("B", at: time(720), times: times)
        #expect(manifest.active(.es256)?.keyID == "B" && manifest.record("B")?.isForced == false)
        #expect(manifest.record("A")?.state == .retiring)
        #expect(manifest.record("A")?.tokensDieBy == time(720 + 3600 + 120 + 30))
        #expect(try manifest.activate("B", at: time(721), times: times).isEmpty)
    }

    @Test func recordsThatAKeyWasForced() throws {
        var manifest = try twoKeys()
        _ = try manifest.activate("B", at: time(1), times: times, isForced: true)
        #expect(manifest.record("B")?.isForced == true)
        #expect(manifest.plan(at: time(1)).signers == [.es256: "B"])
    }

    @Test func keepsAKeyPublishedWhileItsTokensLive() throws {
        var manifest = try twoKeys()
        _ = try manifest.activate("B", at: time(720), times: times)
        let end = try #require(manifest.record("A")?.tokensDieBy)
        #expect(try manifest.retire("A", at: time(1000), times: times).isEmpty)
        #expect(manifest.plan(at: end - .milliseconds(1)).published == ["A", "B"])
        #expect(manifest.plan(at: end).published == ["B"])
        #expect(try manifest.retire("A", at: end, times: times).count == 1)
        #expect(manifest.record("A") == nil)
    }

    @Test func remembersTheEndOfTokensWhenTheirLifetimeIsLowered() throws {
        var manifest = try twoKeys()
        let shorter = SigningKeyTimes(longestLifetimes: [.es256: .seconds(60)])
        _ = try manifest.activate("B", at: time(720), times: shorter)
        #expect(manifest.record("A")?.tokensDieBy == time(720 + 3600 + 120 + 30))
    }

    @Test func remembersTheLongerMaximumAgeWhileSetsMayBeCached() throws {
        var manifest = empty()
        _ = try manifest.publish("A", .es256, at: time(0), times: times)
        let shorter = SigningKeyTimes(keySetMaximumAge: .seconds(10), refreshLag: .seconds(1))
        _ = try manifest.publish("B", .es256, at: time(1000), times: shorter)
        #expect(manifest.record("B")?.maySignFrom == time(1601))
        _ = try manifest.publish("C", .es256, at: time(1600), times: shorter)
        #expect(manifest.record("C")?.maySignFrom == time(1611))
    }

    /// A day, then half a day, then ten minutes: a set cached for half a day counts even once the day has passed.
    @Test func remembersEveryMaximumAgeThatWasLowered() throws {
        func times(_ seconds: Int) -> SigningKeyTimes { SigningKeyTimes(keySetMaximumAge: .seconds(seconds)) }
        var manifest = empty()
        _ = try manifest.publish("A", .es256, at: time(0), times: times(86400))
        _ = try manifest.publish("B", .es256, at: time(10), times: times(43200))
        _ = try manifest.publish("C", .es256, at: time(86000), times: times(600))
        _ = try manifest.publish("D", .es256, at: time(86411), times: times(600))
        #expect(manifest.record("D")?.maySignFrom == time(86411 + 43200 + 120))
        _ = try manifest.publish("E", .es256, at: time(86000 + 43200), times: times(600))
        #expect(manifest.record("E")?.maySignFrom == time(86000 + 43200 + 600 + 120))
        #expect(manifest.keySetMaximumAge == RetainedMaximum(.seconds(600)))
    }

    /// A replica that has not noticed the new key yet serves a set without it, which is now cached for longer.
    @Test func makesAPublishedKeyWaitLongerWhenTheMaximumAgeIsRaised() throws {
        var manifest = try twoKeys()
        let longer = SigningKeyTimes(keySetMaximumAge: .seconds(3600), longestLifetimes: [.es256: .seconds(3600)])
        #expect(throws: SigningKeyRefusal.publishedTooBriefly(keyID: "B", until: time(3720))) {
            try manifest.activate("B", at: time(720), times: longer)
        }
    }

    @Test func refusesToRetireTheOnlyKey() throws {
        var manifest = empty()
        _ = try manifest.publish("A", .es256, at: time(0), times: times)
        #expect(throws: SigningKeyRefusal.onlyKey(keyID: "A", .es256)) {
            try manifest.retire("A", at: time(1), times: times)
        }
        _ = try manifest.publish("B", .es256, at: time(2), times: times)
        #expect(throws: SigningKeyRefusal.publishedTooBriefly(keyID: "B", until: time(722))) {
            try manifest.retire("A", at: time(3), times: times)
        }
        _ = try manifest.retire("A", at: time(722), times: times)
        #expect(manifest.active(.es256)?.keyID == "B")
    }

    @Test func endsARevokedKeyAtOnceAndLetsTheBestOtherKeySign() throws {
        var manifest = try twoKeys()
        _ = try manifest.revoke("A", at: time(1), times: times)
        #expect(manifest.record("A")?.state == .revoked)
        #expect(manifest.plan(at: time(1)).signers == [.es256: "B"])
        #expect(manifest.plan(at: time(1)).published == ["B"])
        #expect(throws: SigningKeyRefusal.onlyKey(keyID: "B", .es256)) {
            try manifest.revoke("B", at: time(2), times: times)
        }
        _ = try manifest.revoke("B", at: time(2), times: times, spare: "C")
        #expect(manifest.plan(at: time(2)).signers == [.es256: "C"])
        #expect(throws: SigningKeyRefusal.revoked(keyID: "A")) {
            try manifest.activate("A", at: time(3), times: times, isForced: true)
        }
    }

    /// No token is better than one that should not be accepted.
    @Test func endsTheOnlyKeyEvenIfNoneMayTakeItsPlace() throws {
        var manifest = empty()
        _ = try manifest.publish("A", .es256, at: time(0), times: times)
        let changes = try manifest.revoke("A", at: time(1), times: times, mayLeaveNone: true)
        #expect(changes.map(\.keyID) == ["A"] && manifest.plan(at: time(1)).signers == [:])
        #expect(manifest.record("A")?.tokensDieBy == time(1 + 3600 + 120 + 30))
        _ = try manifest.publish("B", .es256, at: time(2), times: times)
        #expect(manifest.plan(at: time(2)).signers == [.es256: "B"])
    }

    @Test func remembersARevokedKeyForTenYears() throws {
        let tenYears = 10 * 365 * 86400
        var manifest = try twoKeys()
        _ = try manifest.activate("B", at: time(720), times: times)
        _ = try manifest.revoke("A", at: time(1000), times: times)
        _ = try manifest.publish("C", .es256, at: time(999 + tenYears), times: times)
        #expect(throws: SigningKeyRefusal.knownKey(keyID: "A")) {
            try manifest.publish("A", .es256, at: time(999 + tenYears), times: times)
        }
        try manifest.applyNewConfiguration(times, before: time(1000 + tenYears))
        #expect(manifest.keys.map(\.keyID) == ["B", "C"])
    }

    /// A revocation is an emergency: it never has to wait for room.
    @Test func acceptsNoMoreKeysThanTheLimitExceptInARevocation() throws {
        let limit = SigningKeyManifest.keyLimit
        let keys = (1..<limit).map { index in
            SigningKeyRecord(
                keyID: ExactText("K\(index)"), algorithm: .es256, state: index == 1 ? .active : .published,
                since: time(0), maySignFrom: time(720))
        }
        var manifest = SigningKeyManifest(
            keys: keys, writtenAt: time(0), keySetMaximumAge: RetainedMaximum(.seconds(600)), lifetimes: [:])
        #expect(manifest.refusal(of: .generate(.rs256), at: time(0), times: times) == nil)
        _ = try manifest.publish("R", .rs256, at: time(0), times: times)
        #expect(
            manifest.refusal(of: .generate(.rs256), at: time(0), times: times) == .tooManyKeys(limit: limit))
        #expect(throws: SigningKeyRefusal.tooManyKeys(limit: limit)) {
            try manifest.publish("S", .rs256, at: time(0), times: times)
        }
        #expect(try manifest.revoke("R", at: time(1), times: times, spare: "S").count == 3)
        #expect(manifest.keys.count == limit + 1 && manifest.active(.rs256)?.keyID == "S")
        _ = try manifest.retire("K2", at: time(2), times: times)
        _ = try manifest.retire("K3", at: time(2), times: times)
        _ = try manifest.publish("T", .rs256, at: time(2), times: times)
    }

    @Test func prefersAKeyThatVerifiersKnowWhenAnotherIsRevoked() throws {
        var manifest = try twoKeys()
        _ = try manifest.activate("B", at: time(720), times: times)
        _ = try manifest.publish("C", .es256, at: time(721), times: times)
        _ = try manifest.revoke("B", at: time(730), times: times)
        #expect(manifest.plan(at: time(730)).signers == [.es256: "A"])
        #expect(manifest.record("A")?.tokensDieBy == nil)
    }

    @Test func refusesAClockThatIsBehindTheLastChange() throws {
        var manifest = try twoKeys()
        for step in [SigningKeyStep.activate(keyID: "B"), .retire(keyID: "A"), .generate(.es256)] {
            #expect(
                manifest.refusal(of: step, at: time(-3600), times: times)
                    == .clockBehind(now: time(-3600), writtenAt: time(0)))
        }
        _ = try manifest.revoke("B", at: time(-3600), times: times)
        #expect(manifest.record("B")?.since == time(0))
    }

    @Test func signsWithTheFormerKeyWhileTheActiveOneIsTooYoungByTheServicesClock() throws {
        var manifest = try twoKeys()
        _ = try manifest.activate("B", at: time(720), times: times)
        let early = manifest.plan(at: time(700))
        #expect(early.signers == [.es256: "A"] && early.waiting == ["B"] && early.published == ["A", "B"])
        #expect(manifest.plan(at: time(720)).waiting.isEmpty)
    }

    @Test func signsWithAKeyOnlyAfterThisProcessHasPublishedItForLongEnough() throws {
        var manifest = try twoKeys()
        var observations = SigningKeyObservations()
        var alone = manifest
        _ = try alone.retire("B", at: time(1), times: times)
        observations.observe(alone, keySetMaximumAge: .seconds(600), elapsed: .zero)
        observations.observe(manifest, keySetMaximumAge: .seconds(600), elapsed: .seconds(1))
        _ = try manifest.activate("B", at: time(720), times: times)
        // The manifest's times say that B is due; it was seen for ten seconds only.
        observations.observe(manifest, keySetMaximumAge: .seconds(600), elapsed: .seconds(11))
        #expect(manifest.plan(at: time(720), observations: observations).signers == [.es256: "A"])
        observations.observe(manifest, keySetMaximumAge: .seconds(600), elapsed: .seconds(601))
        #expect(manifest.plan(at: time(720), observations: observations).signers == [.es256: "B"])
        // A process that starts now knows nothing, and believes the manifest.
        var fresh = SigningKeyObservations()
        fresh.observe(manifest, keySetMaximumAge: .seconds(600), elapsed: .zero)
        #expect(manifest.plan(at: time(720), observations: fresh).signers == [.es256: "B"])
    }

    @Test func keepsAKeyPublishedForTheTokensThatThisProcessSigned() throws {
        var manifest = try twoKeys()
        var observations = SigningKeyObservations()
        observations.recordSigners(of: manifest.plan(at: time(7200)), at: time(7200), times: times, until: .seconds(2))
        // Written by a clock that was an hour and a half behind.
        _ = try manifest.activate("B", at: time(1800), times: times)
        let end = try #require(manifest.record("A")?.tokensDieBy)
        #expect(!manifest.plan(at: end).published.contains("A"))
        #expect(manifest.plan(at: end, observations: observations).published.contains("A"))
        #expect(!manifest.plan(at: time(7200 + 3600 + 32), observations: observations).published.contains("A"))
    }

    @Test func adoptsADirectoryFromBeforeThereWereManifests() throws {
        var manifest = SigningKeyManifest(
            adopting: [("A", .es256, time(-500)), ("R", .rs256, time(50))], at: time(0), times: times)
        #expect(manifest.plan(at: time(0)).signers == [.es256: "A", .rs256: "R"])
        #expect(manifest.record("A")?.since == time(-500) && manifest.record("R")?.since == time(0))
        // Tokens of a key that no provider uses any more may live as long as any token.
        _ = try manifest.publish("S", .rs256, at: time(1), times: times)
        _ = try manifest.activate("S", at: time(1000), times: times)
        #expect(manifest.record("R")?.tokensDieBy == time(1000 + 86400 + 120 + 30))
    }

    @Test func advancesThroughARotationStepByStep() throws {
        var manifest = empty()
        var now = time(0)
        var seen: [SigningKeyStep] = []
        for index in 0..<8 {
            let due = try #require(manifest.nextStep(at: now, times: times))
            now = max(now, due.at)
            seen.append(due.step)
            switch due.step {
            case .generate(let algorithm):
                _ = try manifest.publish(ExactText("K\(index)"), algorithm, at: now, times: times)
            case .activate(let keyID): _ = try manifest.activate(keyID, at: now, times: times)
            case .retire(let keyID): _ = try manifest.retire(keyID, at: now, times: times)
            }
        }
        #expect(
            seen == [
                .generate(.es256), .generate(.es256), .activate(keyID: "K1"), .retire(keyID: "K0"), .generate(.es256),
                .activate(keyID: "K4"), .retire(keyID: "K1"), .generate(.es256),
            ])
        // Made just in time: the second key of the second rotation takes over to the second.
        #expect(manifest.active(.es256)?.since == time(2 * 90 * 86400))
        let before = manifest
        #expect(try manifest.stepsDue(at: now, times: times) { _ in "X" }.due.isEmpty)
        #expect(manifest == before)
    }

    @Test func writesAndReadsTimes() {
        for milliseconds: Int64 in [0, 1, 951_782_400_000, 1_764_003_600_125, 4_102_444_799_999, 1_709_208_000_000] {
            let time = UnixTime(milliseconds: milliseconds)
            #expect(UnixTime(time.text) == time)
        }
        #expect(UnixTime(milliseconds: 951_782_400_000).text == "2000-02-29T00:00:00.000Z")
        #expect(UnixTime(milliseconds: 1_764_003_600_125).shortText == "2025-11-24T17:00:01Z")
        for text in [
            "", "2025-02-29T00:00:00Z", "2025-11-24T24:00:00Z", "2025-11-24 17:00:00Z", "+025-11-24T17:00:00Z",
        ] {
            #expect(UnixTime(text) == nil, "\(text)")
        }
    }
}
