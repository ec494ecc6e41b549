import CountersignHTTP
import TestSupport
import Testing
import TokenExchange

@Suite struct AdmissionControlTests {
    private typealias Overload = AdmissionControl.Overload

    private let minted = IdentityProvider.vipLoyalty()
    private let capped = IdentityProvider.vipLoyalty(name: "capped", requestsInProgress: 2)
    private let slow = IdentityProvider.vipLoyalty(name: "slow", kind: .upstream)
    private let slower = IdentityProvider.vipLoyalty(name: "slower", kind: .upstream)

    private func control(_ requestsInProgress: Int = 4) -> AdmissionControl {
        AdmissionControl(.init(requestsInProgress: requestsInProgress, queueingTime: .milliseconds(100)))
    }

    /// How many of `count` requests get a place.
    private func entering(_ control: AdmissionControl, _ provider: IdentityProvider?, _ count: Int = 10) -> Int {
        (0..<count).count { _ in (try? control.enter(provider)) != nil }
    }

    private func cause(_ body: () throws -> Void) -> Overload.Cause? {
        do { try body() } catch { return (error as? Overload)?.cause }
        return nil
    }

    @Test(arguments: [(AdmissionControl.Purpose.login, 100), (.question, 200)])
    func shedsLoginsBeforeQuestions(purpose: AdmissionControl.Purpose, milliseconds: Int) throws {
        let control = control()
        let most = Duration.milliseconds(milliseconds)
        for excess in [Duration.zero, most - .nanoseconds(1), most] {
            try control.check(QueueingDelay(wait: .seconds(9), excess: excess), as: purpose)
        }
        let late = QueueingDelay(wait: .seconds(9), excess: most + .nanoseconds(1))
        #expect(cause { try control.check(late, as: purpose) } == .queueingTime)
    }

    @Test func givesAsManyPlacesAsThereAre() throws {
        let control = control(4)
        #expect(entering(control, minted, 3) == 3)
        try control.check(.none, as: .login)
        #expect(entering(control, nil, 2) == 1)
        #expect(cause { try control.enter(minted) } == .inProgress)
        #expect(cause { try control.enter(nil) } == .inProgress)
        #expect(cause { try control.check(.none, as: .login) } == .inProgress, "before its body is read")
        control.leave(minted)
        #expect(entering(control, minted) == 1)
    }

    @Test func givesAProviderAsManyPlacesAsItMayHave() throws {
        let control = control(10)
        #expect(entering(control, capped) == 2)
        #expect(cause { try control.enter(capped) } == .providerInProgress)
        try control.enter(minted)
        control.leave(capped)
        #expect(entering(control, capped) == 1)
        #expect(entering(control, minted) == 7, "all that are left")
    }

    /// Each of `n` providers whose services are slow gets one share of `n + 1`.
    @Test func leavesPlacesHoweverManyServicesAreSlow() throws {
        let control = control(12)
        #expect(entering(control, slow) == 6)
        #expect(cause { try control.enter(slow) } == .providerInProgress)
        #expect(entering(control, slower) == 3)
        #expect(entering(control, slow) == 0)
        try control.enter(minted)
        try control.enter(nil)
    }

    @Test func countsWhatIsInProgress() throws {
        let control = control(10)
        _ = (entering(control, minted, 3), entering(control, nil, 2))
        control.leave(minted)
        let counts = Dictionary(uniqueKeysWithValues: control.inProgress.map { ($0.provider, $0.count) })
        #expect(counts == [ConfiguredName(minted): 2, nil: 2])
    }

    @Test func keepsCountingWhenLimitsChange() throws {
        let control = control(4)
        #expect(entering(control, minted) == 4)
        control.use(.init(requestsInProgress: 5, queueingTime: .milliseconds(10)))
        #expect(entering(control, minted) == 1)
        let late = QueueingDelay(wait: .seconds(9), excess: .milliseconds(11))
        control.leave(minted)
        #expect(cause { try control.check(late, as: .login) } == .queueingTime)
    }

    @Test func tellsClientsToComeBackAtDifferentTimes() throws {
        let control = control(0)
        let waits = (0..<6).map { _ in (#expect(throws: Overload.self) { try control.enter(nil) })?.wait }
        #expect(Set(waits) == [.seconds(1), .seconds(2), .seconds(3)])
    }
}
