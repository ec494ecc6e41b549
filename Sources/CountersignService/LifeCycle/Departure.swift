package import ServiceConfiguration

/// The steps by which the service ends. A state machine: it knows neither clock nor signals, only the moments it is
/// given.
package struct Departure: Sendable {
    /// What the service has to do now.
    package enum Step: Sendable, Equatable {
        /// Make `/readyz` say that we are leaving, and serve as before.
        case announce
        /// Accept no more connections, and finish requests in progress.
        case finish
        /// Cancel what is not finished.
        case giveUp
        /// End the process, even if something hangs.
        case exit
    }

    private enum State {
        case serving
        case announced(finishAt: Duration, grace: Duration)
        case finishing(giveUpAt: Duration)
        case givingUp(exitAt: Duration)
        case exiting
    }

    /// The time that cancelled work has to end.
    private static let last: Duration = .seconds(1)

    private var state = State.serving

    /// Serving.
    package init() {}

    /// Whether a signal to leave has come.
    package var hasBegun: Bool { if case .serving = state { false } else { true } }

    /// When the next step is due; nil if the next step needs a signal, or there is none left.
    package var nextAt: Duration? {
        switch state {
        case .serving, .exiting: nil
        case .announced(let moment, _), .finishing(let moment), .givingUp(let moment): moment
        }
    }

    /// A signal to leave: the first one begins the notice, the second one ends it, later ones change nothing.
    /// - Parameter isHurried: whether to skip the notice.
    /// - Returns: the steps that are due at once.
    package mutating func leave(at now: Duration, _ settings: ShutdownSettings, isHurried: Bool = false) -> [Step] {
        switch state {
        case .serving:
            state = .announced(finishAt: isHurried ? now : now + settings.notice, grace: settings.grace)
            return [.announce] + steps(at: now)
        case .announced(_, let grace):
            state = .announced(finishAt: now, grace: grace)
            return steps(at: now)
        case .finishing, .givingUp, .exiting: return []
        }
    }

    /// The steps that are due.
    package mutating func steps(at now: Duration) -> [Step] {
        var steps: [Step] = []
        while let moment = nextAt, moment <= now { steps += takeStep(at: moment) }
        return steps
    }

    private mutating func takeStep(at moment: Duration) -> [Step] {
        switch state {
        case .serving, .exiting: return []
        case .announced(_, let grace):
            state = .finishing(giveUpAt: moment + grace)
            return [.finish]
        case .finishing:
            state = .givingUp(exitAt: moment + Self.last)
            return [.giveUp]
        case .givingUp:
            state = .exiting
            return [.exit]
        }
    }
}
