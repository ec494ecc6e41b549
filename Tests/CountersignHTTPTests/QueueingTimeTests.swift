import CountersignHTTP
import Testing

/// A loop that works in turns: its probe is sent when a turn begins, and arrives at the end.
@Suite struct QueueingTimeTests {
    private static let target = Duration.milliseconds(100)

    private final class Loop {
        var time = QueueingTime()
        var now = Duration.seconds(5)

        /// What a request has to expect that begins now.
        var next: QueueingDelay {
            var time = time
            return time.requestBegins(at: now, target: target).0
        }

        /// A request begins, and others for as long as the turn takes.
        func turn(_ milliseconds: Int) {
            now += QueueingTime.interval
            _ = time.requestBegins(at: now, target: target)
            now += .milliseconds(milliseconds)
            _ = time.probeArrives(at: now, target: target)
        }

        /// Late for 200 ms in each of five turns, which is all that is endured.
        func wearOut() {
            for _ in 0..<5 { turn(200) }
        }

        /// On time for so long.
        func rest(_ seconds: Int) {
            for _ in 0..<100 * seconds { turn(5) }
        }
    }

    @Test func expectsWhatTheLastProbeWaited() {
        let loop = Loop()
        #expect(loop.next.wait == .zero)
        loop.turn(70)
        #expect(loop.next.wait == .milliseconds(70))
        loop.turn(3)
        #expect(loop.next.wait == .milliseconds(3))
    }

    @Test func expectsNoLessThanTheProbeHasWaitedThatIsUnderWay() {
        var time = QueueingTime()
        _ = time.requestBegins(at: .seconds(1), target: Self.target)
        let delay = time.requestBegins(at: .milliseconds(1080), target: Self.target).0
        #expect(delay.wait == .milliseconds(80))
    }

    @Test func sendsOneProbeAtATimeAndOnlyForRequests() {
        let target = Self.target
        var time = QueueingTime()
        let sent = [5, 5, 90].map { time.requestBegins(at: .milliseconds($0), target: target).sendsProbe }
        #expect(sent == [true, false, false], "it is under way")
        let wait = time.probeArrives(at: .milliseconds(100), target: target)
        #expect(wait == .milliseconds(95))
        let again = [104, 105].map { time.requestBegins(at: .milliseconds($0), target: target).sendsProbe }
        #expect(again == [false, true], "after a pause")
    }

    @Test func forgetsAProbeThatNoneFollows() {
        let loop = Loop()
        loop.turn(300)
        loop.now += QueueingTime.memory
        #expect(loop.next.wait == .milliseconds(300))
        loop.now += .nanoseconds(1)
        #expect(loop.next.wait == .zero)
    }

    @Test func enduresBeingLateForTenTimesTheTarget() {
        let loop = Loop()
        for number in 1...4 {
            loop.turn(200)
            #expect(loop.next.excess <= .zero, "turn \(number): a second in all")
        }
        loop.turn(200)
        #expect(loop.next.excess == .milliseconds(200))
    }

    /// A pause of the machine, or thousands of requests at once after a quiet time.
    @Test func enduresBeingLateOnceByAnyTime() {
        var time = QueueingTime()
        _ = time.requestBegins(at: .seconds(1), target: Self.target)
        let delay = time.requestBegins(at: .seconds(61), target: Self.target).0
        #expect(delay.wait == .seconds(60) && delay.excess == .zero)
    }

    @Test func countsNoWaitThatIsNotTooLong() {
        let loop = Loop()
        for _ in 0..<100 { loop.turn(100) }
        #expect(loop.next.excess == .zero)
        loop.turn(101)
        #expect(loop.next.excess != .zero)
    }

    @Test func makesUpForBeingLateAtATenthOfItsPace() {
        let loop = Loop()
        loop.wearOut()
        #expect(loop.next.excess > Self.target)
        loop.rest(5)
        loop.turn(99)
        #expect(loop.next.excess < .milliseconds(-400), "half a second was made up for")
        loop.rest(6)
        #expect(loop.next.excess == .zero, "all is made up for")
    }

    @Test func makesUpWhileThereAreNoRequests() {
        let loop = Loop()
        loop.wearOut()
        loop.now += .seconds(11)
        loop.turn(5)
        #expect(loop.next.excess == .zero)
    }

    /// Turns get shorter once requests are shed. If that counted as calm at once, the next turns would be long again.
    @Test func doesNotSwingWhileTheLoadLasts() {
        let loop = Loop()
        loop.wearOut()
        for _ in 0..<50 {
            loop.turn(90)
            loop.turn(120)
            #expect(loop.next.excess > Self.target)
        }
    }
}
