import Synchronization

/// The steps of a request that is no exchange, for traces.
package final class StepLog: Sendable {
    private let all = Mutex<[ExchangeReport.Step]>([])

    package init() {}

    package var steps: [ExchangeReport.Step] { all.withLock(\.self) }

    /// - Parameter start: when the step began; it ends now.
    func end(_ phase: ExchangeReport.Phase, since start: Duration, _ time: TimeSource) {
        let step = ExchangeReport.Step(phase: phase, start: start, end: time.elapsed())
        all.withLock { $0.append(step) }
    }
}
