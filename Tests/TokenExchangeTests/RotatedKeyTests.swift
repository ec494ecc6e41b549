import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// An issuer that gives an old `kid` to a new key: a newer set is tried once before a signature counts as bad.
@Suite struct RotatedKeyTests {
    /// Answers with the first set, or with the second if the keys of the first were tried in vain.
    private struct TwoSets: IssuerKeySource {
        let first: IssuerKeySet
        let second: IssuerKeySet?

        func verifiers(for query: IssuerKeyQuery) async throws(IssuerKeysFailure) -> [any TokenVerifier] {
            if query.rejected.isEmpty { return first.verifiers(for: query) }
            guard let second else { throw .unavailable(cause: "down") }
            return second.verifiers(for: query)
        }
    }

    private let old = TestKeys.rs256
    private let new = TestKeys.stranger

    private func refusal(
        with second: IssuerKeySet?, rules: TenantRules = TenantRules(), signedBy signer: OpenSSLTokenSigner
    ) async throws -> Refusal? {
        let bench = ExchangeBench(rules: rules, keys: TwoSets(first: IssuerKeySet([old.verifier]), second: second))
        return await bench.exchange(try bench.token.signed(by: signer)).refusal
    }

    @Test func acceptsASignatureByTheNewKeyOfANewerSet() async throws {
        let second = IssuerKeySet([try TestKeys.verifier(of: new, named: old.keyID)])
        #expect(try await refusal(with: second, signedBy: new) == nil)
        #expect(try await refusal(with: second, signedBy: old) == nil, "the first set is still good for it")
    }

    @Test func refusesASignatureThatIsBadUnderBothSets() async throws {
        #expect(try await refusal(with: IssuerKeySet([old.verifier]), signedBy: new) == .signatureInvalid)
        #expect(try await refusal(with: IssuerKeySet([]), signedBy: new) == .signatureInvalid)
    }

    /// A forgery must not look like our own outage.
    @Test func refusesABadSignatureIfNoNewerSetCanBeFetched() async throws {
        #expect(try await refusal(with: nil, signedBy: new) == .signatureInvalid)
    }

    /// Waits for both sets, and records how long it was allowed to.
    private final class SlowSets: IssuerKeySource {
        let budgets = Mutex<[Duration]>([])
        private let clock: ManualClock

        init(_ clock: ManualClock) {
            self.clock = clock
        }

        func verifiers(for query: IssuerKeyQuery) async throws(IssuerKeysFailure) -> [any TokenVerifier] {
            budgets.withLock { $0.append(query.budget) }
            clock.advance(by: .seconds(2))
            return query.rejected.isEmpty ? [TestKeys.rs256.verifier] : []
        }
    }

    @Test func waitsForBothSetsNoLongerThanTheDeadlineAllows() async throws {
        let clock = ManualClock()
        let keys = SlowSets(clock)
        let bench = ExchangeBench(providers: [.vipLoyalty(deadline: .seconds(3))], clock: clock, keys: keys)
        let token = bench.token.header("kid", .string(old.keyID))
        #expect(await bench.exchange(try token.signed(by: new)).refusal == .signatureInvalid)
        #expect(keys.budgets.withLock(\.self) == [.milliseconds(2950), .milliseconds(950)])
    }

    @Test func acceptsNoDeniedKeyOfANewerSet() async throws {
        let rules = TenantRules(deniedKeyIDs: [new.keyID])
        let bench = ExchangeBench(
            rules: rules, keys: TwoSets(first: IssuerKeySet([old.verifier]), second: IssuerKeySet([new.verifier])))
        let token = try bench.token.header("kid", nil).signed(by: new)
        #expect(await bench.exchange(token).refusal == .signatureInvalid)
    }

    /// A PEM file does not name its key, so the header's `kid` is all that can be denied.
    @Test func refusesADeniedKeyIDThoughTheKeyHasNone() async throws {
        let verifier = try #require(old.verifier as? OpenSSLTokenVerifier)
        let keys = try PublicKeyPEM.verifiers(try #require(verifier.publicKeyPEM), allowing: [.rs256])
        let bench = ExchangeBench(rules: TenantRules(deniedKeyIDs: [old.keyID]), keys: IssuerKeySet(keys))
        let token = bench.token.header("kid", .string(old.keyID))
        #expect(await bench.exchange(try token.signed(by: old)).refusal == .keyDenied)
        #expect(await bench.exchange(try token.header("kid", nil).signed(by: old)).refusal == nil)
    }
}
