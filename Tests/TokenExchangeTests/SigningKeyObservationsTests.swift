import TestSupport
import Testing
import TokenExchange

/// What a process knows of the tokens that it signed itself, whatever the manifest's times say.
@Suite struct SigningKeyObservationsTests {
    private let times = SigningKeyTimes(clockSkew: .seconds(30), longestLifetimes: [.es256: .seconds(3600)])
    private var shorter: SigningKeyTimes {
        SigningKeyTimes(clockSkew: .seconds(30), longestLifetimes: [.es256: .seconds(60)])
    }

    private func time(_ seconds: Int) -> UnixTime { ManualClock.start + .seconds(seconds) }

    /// A signed until 7200, as this process saw; a clock that was behind wrote that B has signed since 1800.
    private func manifests() throws -> (before: SigningKeyManifest, after: SigningKeyManifest) {
        var manifest = SigningKeyManifest(
            keys: [], writtenAt: time(-86400), keySetMaximumAge: RetainedMaximum(.seconds(600)), lifetimes: [:])
        _ = try manifest.publish("A", .es256, at: time(-86400), times: times)
        _ = try manifest.publish("B", .es256, at: time(0), times: times)
        let before = manifest
        _ = try manifest.activate("B", at: time(1800), times: times)
        return (before, manifest)
    }

    private func isPublished(_ manifest: SigningKeyManifest, _ seen: SigningKeyObservations, at seconds: Int) -> Bool {
        manifest.plan(at: time(seconds), observations: seen).published.contains("A")
    }

    @Test func keepsAKeyPublishedUntilTheLastTokenThatItSignedHasExpired() throws {
        let (before, after) = try manifests()
        var seen = SigningKeyObservations()
        seen.recordSigners(of: before.plan(at: time(7200)), at: time(7200), times: times, until: .seconds(2))
        #expect(isPublished(after, seen, at: 7200 + 2 + 3600 + 30 - 1))
        #expect(!isPublished(after, seen, at: 7200 + 2 + 3600 + 30))
    }

    @Test func keepsAKeyPublishedForTokensOfALifetimeThatWasLowered() throws {
        let (before, after) = try manifests()
        var seen = SigningKeyObservations()
        seen.recordSigners(of: before.plan(at: time(7200)), at: time(7200), times: times, until: .seconds(2))
        seen.recordSigners(of: before.plan(at: time(7202)), at: time(7202), times: shorter, until: .seconds(2))
        #expect(isPublished(after, seen, at: 7200 + 2 + 3600 + 30 - 1))
    }

    /// Whoever removed it may have had a clock that is ahead.
    @Test func missesNoKeyWhoseTokensExpireWithinTheSkew() throws {
        let manifest = try manifests().after
        let end = try #require(manifest.record("A")?.tokensDieBy)
        var without = manifest
        _ = try without.retire("A", at: end, times: times)
        func lost(_ now: UnixTime) -> [ExactText] {
            manifest.keysMissing(from: without, at: now, observations: SigningKeyObservations(), times: times)
        }
        #expect(lost(end - .seconds(31)) == ["A"])
        #expect(lost(end - .seconds(30)).isEmpty)
    }
}
