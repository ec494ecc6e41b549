package import ServiceConfiguration

/// How the service leaves, step by step. Knows no clock and no signals, only moments that it is told.
package struct Departure: Sendable {
    package enum Step: Sendable, Equatable {
        /// Say that we are leaving, and serve as before.
        case announce
        /// Take no more connections, and finish what was begun.
        case finish
        /// Give up what is not finished.
        case giveUp
        /// End the process, whatever hangs.
        case exit
    }

    private enum State {
        case serving
        case announced(finishAt: Duration, grace: Duration)
        case finishing(giveUpAt: Duration)
        case givingUp(exitAt: Duration)
        case exiting
    }

    /// For what is given up to end.
    private static let last: Duration = .seconds(1)

    private var state = State.serving

    package init() {}

    package var hasBegun: Bool { if case .serving = state { false } else { true } }

    /// When the next step is due; nil if none is before a signal comes.
    package var nextAt: Duration? {
        switch state {
        case .serving, .exiting: nil
        case .announced(let moment, _), .finishing(let moment), .givingUp(let moment): moment
        }
    }

    /// The first signal begins the notice, a second one ends it; later ones change nothing.
    /// - Parameter isHurried: leaves out the notice.
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
