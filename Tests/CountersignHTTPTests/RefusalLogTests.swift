import CountersignHTTP
import TestSupport
import Testing
import TokenExchange

@Suite struct RefusalLogTests {
    private let log = RecordedLog()

    private func refusals(linesPerSource: Int) -> RefusalLog {
        RefusalLog(linesPerSource: linesPerSource, logger: log.logger)
    }

    private func source(_ number: Int) -> RequestSource { RequestSource(network: UInt64(number)) }

    @Test func writesTheFirstOnesAndCountsTheOthers() {
        let refusals = refusals(linesPerSource: 3)
        let admitted = (0..<10).map { refusals.admits(status: $0.isMultiple(of: 2) ? 404 : 401, from: source(1)) }
        #expect(admitted == [true, true, true] + [Bool](repeating: false, count: 7))
        #expect(log.lines == [])
        refusals.endSecond()
        #expect(log.lines.count == 1)
        #expect(log.lines[0].hasPrefix("notice: refused requests left out count=7 source="))
        #expect(log.lines[0].contains("401") && log.lines[0].contains("404"))
        refusals.endSecond()
        #expect(log.lines.count == 1, "nothing was left out since then")
        #expect(refusals.admits(status: 404, from: source(1)), "each second has its lines")
    }

    @Test(arguments: [1, 10])
    func countsEachSourceByItself(lines: Int) {
        let refusals = refusals(linesPerSource: lines)
        for source in [source(1), source(2), nil] {
            #expect((0...lines).count { _ in refusals.admits(status: 404, from: source) } == lines)
        }
        refusals.endSecond()
        #expect(log.lines.count == 3)
    }

    @Test func boundsTheLinesOfAllSources() {
        let refusals = refusals(linesPerSource: 10)
        let lines = (0..<5000).count { refusals.admits(status: 404, from: source($0 % 2500)) }
        #expect(lines == 200)
        refusals.endSecond()
        #expect(log.lines.count == 11, "of ten sources, and of all others")
        let counts = log.lines.compactMap { $0.firstMatch(of: /count=(\d+)/).flatMap { Int($0.1) } }
        #expect(counts.reduce(0, +) == 4800)
    }

    @Test func endsTheLastSecondWhenTheServicesEnd() async {
        let refusals = refusals(linesPerSource: 1)
        for _ in 0..<2 { _ = refusals.admits(status: 404, from: source(1)) }
        let running = Task { await refusals.run() }
        running.cancel()
        await running.value
        #expect(log.lines.count == 1)
    }
}
