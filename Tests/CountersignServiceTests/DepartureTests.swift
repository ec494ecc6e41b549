import CountersignService
import ServiceConfiguration
import Testing

@Suite struct DepartureTests {
    private let settings = ShutdownSettings(notice: .seconds(5), grace: .seconds(10))

    private func seconds(_ count: Int) -> Duration { .seconds(100 + count) }

    @Test func goesThroughItsStepsAtTheirTimes() {
        var departure = Departure()
        #expect(departure.nextAt == nil && !departure.hasBegun)
        #expect(departure.leave(at: seconds(0), settings) == [.announce])
        #expect(departure.hasBegun)
        let steps: [(second: Int, step: Departure.Step)] = [(5, .finish), (15, .giveUp), (16, .exit)]
        for (second, step) in steps {
            #expect(departure.nextAt == seconds(second))
            #expect(departure.steps(at: seconds(second) - .nanoseconds(1)) == [])
            #expect(departure.steps(at: seconds(second)) == [step])
        }
        #expect(departure.nextAt == nil && departure.hasBegun)
    }

    @Test func catchesUpWhereItsThreadWasLate() {
        var departure = Departure()
        _ = departure.leave(at: seconds(0), settings)
        #expect(departure.steps(at: seconds(1000)) == [.finish, .giveUp, .exit])
    }

    @Test func endsTheNoticeAtASecondSignal() {
        var departure = Departure()
        _ = departure.leave(at: seconds(0), settings)
        #expect(departure.leave(at: seconds(2), settings) == [.finish])
        #expect(departure.nextAt == seconds(12))
    }

    @Test(arguments: 0...40)
    func neverTakesLongerForFurtherSignals(every half: Int) {
        var departure = Departure()
        #expect(departure.leave(at: seconds(0), settings) == [.announce])
        let longer = ShutdownSettings(notice: .seconds(300), grace: .seconds(300))
        var end: Int?
        for moment in 1...40 {
            let now = seconds(0) + .milliseconds(500 * moment)
            var steps = departure.steps(at: now)
            if half > 0, moment.isMultiple(of: half) { steps += departure.leave(at: now, longer) }
            if steps.contains(.exit) { end = moment }
        }
        #expect(end.map { $0 <= 32 } == true, "notice, grace and one second")
    }

    @Test func leavesOutTheNoticeInAHurry() {
        var departure = Departure()
        #expect(departure.leave(at: seconds(0), settings, isHurried: true) == [.announce, .finish])
        #expect(departure.nextAt == seconds(10))
    }

    @Test func goesWithoutNoticeAndGraceWhereThereIsNone() {
        var departure = Departure()
        let none = ShutdownSettings(notice: .zero, grace: .zero)
        #expect(departure.leave(at: seconds(0), none) == [.announce, .finish, .giveUp])
        #expect(departure.nextAt == seconds(1))
    }
}
